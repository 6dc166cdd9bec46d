package text

import "k8s.io/apimachinery/pkg/runtime"

type rows struct{}

func (r rows) beside([]runtime.Object) []runtime.Object { return nil }
func isTableHeader(string) bool                         { return false }
func (p *parser) table(i int) int                       { return i + 1 }
func (p *parser) fragment(i int) int                    { return i + 1 }
func isJournal(string) bool                             { return false }
func (p *parser) journal(i int) int                     { return i + 1 }
