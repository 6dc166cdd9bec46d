#!/bin/sh
# Plays a Go program with a bug that ends it a second after its start.
echo 'level=info msg="listening" port=8080'
sleep 1
cat >&2 <<'TEXT'
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x6b1f2a]

goroutine 1 [running]:
main.(*Cart).Total(0x0)
	/src/cart/cart.go:41 +0x1a
main.main()
	/src/cmd/api/main.go:63 +0x2b4
TEXT
exit 2
