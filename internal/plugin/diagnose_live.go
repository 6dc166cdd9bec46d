package plugin

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine"
)

// diagnoseLive diagnoses workloads of a cluster: those that are named, or all that fail in a namespace or everywhere.
func diagnoseLive(ctx context.Context, connection *connection, options diagnoseOptions, args []string) error {
	if err := checkOutput(options.output); err != nil {
		return err
	}
	known, err := loadRules(options.rules, connection.streams.Err)
	if err != nil {
		return err
	}
	to, err := connection.connect()
	if err != nil {
		return err
	}
	waiting := wait(connection.streams.Err, connection.clock, "reading the cluster")
	defer waiting.end()
	seen := newObserver(to, waiting)
	nodes := options.all
	switch {
	case len(args) > 0:
		for _, argument := range args {
			live, err := to.read(ctx, argument)
			if err != nil {
				return err
			}
			nodes = nodes || live.GetKind() == "Node"
			if err := seen.observe(ctx, live); err != nil {
				return err
			}
		}
	case options.all:
		err = seen.observeAll(ctx, metav1.NamespaceAll)
	default:
		err = seen.observeAll(ctx, to.namespace)
	}
	if err != nil {
		return err
	}
	waiting.at("diagnosing")
	found := engine.New(known).DiagnoseAll(seen.observations())
	if !nodes { // they were read for the sake of the pods
		found = slices.DeleteFunc(found, func(diagnosis engine.Diagnosis) bool { return diagnosis.Workload.Kind == "Node" })
	}
	return printDiagnoses(connection.streams.Out, options.output, found)
}
