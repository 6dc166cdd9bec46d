package install

import "syscall"

// childOf makes a program end with the one that started it, however that ends.
func childOf() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
