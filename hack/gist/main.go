// Command gist learns what words say of failures, from the texts beside it and the catalogue's cases, and writes
// the weights that package engine/gist is built with. The texts were written for it, in the forms that programs and
// Kubernetes print, each below its label: by subject, by program, cut (starts, endings), and as people put pieces of
// output together (pasted). With -report it writes nothing and prints how right it is on texts that were left out of
// the learning.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	report := flag.Bool("report", false, "print how right it is on texts left out of the learning, and write nothing")
	weights := flag.String("weights", "../engine/gist/weights.tsv", "the file to write")
	flag.Parse()
	if err := run(*report, *weights); err != nil {
		fmt.Fprintln(os.Stderr, "gist:", err)
		os.Exit(1)
	}
}

func run(report bool, weights string) error {
	texts, err := readTexts("gist/texts", "../engine/catalog/cases")
	if err != nil {
		return err
	}
	if report {
		return crossValidate(os.Stdout, texts)
	}
	file, err := os.Create(weights)
	if err != nil {
		return fmt.Errorf("write weights: %w", err)
	}
	out := bufio.NewWriter(file)
	fmt.Fprintf(out, "// Learned by `make gist` from %d texts, %s. Feature, tab, weights for: healthy OOMKilled CrashLoopBackOff ImagePullBackOff Pending ProbeFailure NodeNotReady.\n", len(texts), fingerprint(texts))
	write(out, learn(texts))
	return errors.Join(out.Flush(), file.Close())
}
