package install

import "syscall"

// ChildOf makes a program end with the one that started it, however that ends.
func ChildOf() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
