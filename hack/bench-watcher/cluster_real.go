package main

import "context"

func onCluster(ctx context.Context, o options) error { return nil }
