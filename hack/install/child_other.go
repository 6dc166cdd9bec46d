//go:build !linux

package install

import "syscall"

// ChildOf changes nothing where the kernel can't tie a program's life to another's.
func ChildOf() *syscall.SysProcAttr { return nil }
