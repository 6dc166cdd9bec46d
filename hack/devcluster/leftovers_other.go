//go:build !linux

package devcluster

import "context"

// There are no containers here, hence nothing that they could leave.
func clearNode(context.Context, layout) error { return nil }

func makeCgroups() error { return nil }
