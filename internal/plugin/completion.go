package plugin

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// patience is how long completing a command line may take.
const patience = 5 * time.Second

// workloadTypes are the types that are offered before a slash.
var workloadTypes = []string{"deployment/", "statefulset/", "daemonset/", "cronjob/", "job/", "pod/"}

// completeFlag offers values for a flag.
func completeFlag(command *cobra.Command, flag string, values ...string) {
	// The only error is that the flag is not there or has values already, which tests of the command would show.
	_ = command.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	})
}

// completeReferences offers the names of Remediations, types, and after a slash the names of that type.
func (c *connection) completeReferences(command *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	names, directive := c.completeObjects(command, args, begun)
	if strings.Contains(begun, "/") {
		return names, directive
	}
	ctx, stop := context.WithTimeout(command.Context(), patience)
	defer stop()
	if to, err := c.connect(); err == nil {
		if found, err := to.list(ctx, to.namespace, metav1.ListOptions{}); err == nil {
			for i := range found {
				names = append(names, found[i].Name)
			}
		}
	}
	return fitting(names, args, begun), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeObjects offers types, and after a slash the names of that type.
func (c *connection) completeObjects(command *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	resource, _, typed := strings.Cut(begun, "/")
	if !typed {
		return fitting(workloadTypes, args, begun), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	to, err := c.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, stop := context.WithTimeout(command.Context(), patience)
	defer stop()
	return fitting(to.namesOf(ctx, resource), args, begun), cobra.ShellCompDirectiveNoFileComp
}

// namesOf gives the objects of a type, as TYPE/NAME; none when they can't be had.
func (c *cluster) namesOf(ctx context.Context, resource string) []string {
	mapping, err := c.mappingOf(resource)
	if err != nil {
		return nil
	}
	found, err := c.resource(mapping, c.namespace).List(ctx, metav1.ListOptions{Limit: page})
	if err != nil {
		return nil
	}
	var names []string
	_ = meta.EachListItem(found, func(item runtime.Object) error { // the function gives no error
		if named, err := meta.Accessor(item); err == nil {
			names = append(names, resource+"/"+named.GetName())
		}
		return nil
	})
	return names
}

// fitting gives the names that go on from what was begun and were not given yet.
func fitting(names, given []string, begun string) []string {
	var fit []string
	for _, name := range names {
		if strings.HasPrefix(name, begun) && !slices.Contains(given, name) {
			fit = append(fit, name)
		}
	}
	return fit
}

// completeGlobals offers values for the flags that all commands have.
func (c *connection) completeGlobals(root *cobra.Command) {
	names := func(of func(context.Context) []string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return func(command *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			ctx, stop := context.WithTimeout(command.Context(), patience)
			defer stop()
			return fitting(of(ctx), nil, begun), cobra.ShellCompDirectiveNoFileComp
		}
	}
	_ = root.RegisterFlagCompletionFunc("namespace", names(func(ctx context.Context) []string {
		to, err := c.connect()
		if err != nil {
			return nil
		}
		var all []string
		for _, name := range to.namesOf(ctx, "namespaces") {
			all = append(all, strings.TrimPrefix(name, "namespaces/"))
		}
		return all
	}))
	_ = root.RegisterFlagCompletionFunc("context", names(func(context.Context) []string {
		config, err := c.flags.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil
		}
		var all []string
		for name := range config.Contexts {
			all = append(all, name)
		}
		slices.Sort(all)
		return all
	}))
}
