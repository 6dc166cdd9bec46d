//go:build !linux

package devcluster

// holder would describe the process that listens on a TCP port; only Linux tells without further programs.
func holder(int) string { return "" }
