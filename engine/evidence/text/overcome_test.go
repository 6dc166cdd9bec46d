package text

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTroubleThatALaterLineSaysIsOverIsLeftOut(t *testing.T) {
	const (
		waits   = `I0211 07:14:03.700911 1 schedule_one.go:1003] "Unable to schedule pod; no fit; waiting" pod="till/crane-2" err="0/5 nodes are available"` + "\n"
		other   = `I0211 07:14:03.700911 1 schedule_one.go:1003] "Unable to schedule pod; no fit; waiting" pod="till/crane-3" err="0/5 nodes are available"` + "\n"
		bound   = `I0211 07:15:40.300166 1 schedule_one.go:252] "Successfully bound pod to node" pod="till/crane-2" node="tarn-6"` + "\n"
		refused = `level=info msg="trying next host" error="failed to do request: Head \"https://mirror.example:5000/v2/library/varnish/manifests/7.5\": connection refused"` + "\n"
		pulled  = `level=info msg="PullImage \"docker.io/library/varnish:7.5\" returns image reference \"sha256:41c7\""` + "\n"
		row     = "  Warning  FailedScheduling  2m  default-scheduler  0/5 nodes are available, for till/crane-2\n"
	)
	for name, test := range map[string]struct{ text, left string }{
		"of the same pod":                       {waits + bound, bound},
		"not of another":                        {waits + other + bound, other + bound},
		"not what comes after it":               {bound + waits, bound + waits},
		"of an image, whatever its registry":    {refused + pulled, pulled},
		"not rows of events":                    {row + bound, row + bound},
		"with the lines that belong to it":      {waits + "fit failure on node tarn-4\n" + bound, bound},
		"and nothing where nothing was reached": {waits + refused, waits + refused},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.left, string(withoutOvercome([]byte(test.text))))
		})
	}
}

func TestATextSaysWhenItWasLookedAt(t *testing.T) {
	for text, at := range map[string]time.Time{
		"(checked 2025-07-21)\n":                            time.Date(2025, 7, 21, 0, 0, 0, 0, time.UTC),
		"# today: 2025-07-21, all is well\n":                time.Date(2025, 7, 21, 0, 0, 0, 0, time.UTC),
		"as of 2025-07-21 09:30 it runs":                    time.Date(2025, 7, 21, 9, 30, 0, 0, time.UTC),
		"$ date -u\nMon Jul 21 08:30:02 UTC 2025\n$ exit\n": time.Date(2025, 7, 21, 8, 30, 2, 0, time.UTC),
		"checked 2025-77-21":                                {},
		"the pod was made 2025-07-21":                       {},
	} {
		require.Equal(t, at, saidNow([]byte(text)), text)
	}
}
