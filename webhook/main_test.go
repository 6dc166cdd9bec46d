package webhook

import (
	"os"
	"testing"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// client-go's second error handler slows down whoever meets errors often, by the time of the last error of the process:
// in a bubble, whose time begins in 2000, that would be a sleep of decades.
func TestMain(m *testing.M) {
	utilruntime.ErrorHandlers = utilruntime.ErrorHandlers[:1]
	os.Exit(m.Run())
}
