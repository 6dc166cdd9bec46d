//go:build !linux

package install

import "syscall"

// childOf changes nothing where the kernel can't tie a program's life to another's.
func childOf() *syscall.SysProcAttr { return nil }
