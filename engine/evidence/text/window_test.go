package text

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const wide = `Conditions:
  Type    Status
  Ready   False
Events:
  Type     Reason            Age   From               Message
  ----     ------            ----  ----               -------
  Warning  FailedScheduling  15s   default-scheduler  0/1 nodes are available: persistentvolumeclaim "vault-storage" not found.
  Warning  FailedMount       9s    kubelet            MountVolume.SetUp failed for volume "config" : configmap "web-conf" not found
  Normal   Pulled            8s    kubelet            Container image "registry.example.org/web:3" already present on machine
`

// broken is a text as a terminal of a width shows it.
func broken(text string, width int) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		for ; len(line) > width+1; line = line[width:] {
			out.WriteString(line[:width] + "\n")
		}
		out.WriteString(line)
	}
	return out.String()
}

func TestWhatAWindowBrokeIsPutTogetherAgain(t *testing.T) {
	for width := narrowest; width < 110; width++ {
		require.Equal(t, wide, unbroken(broken(wide, width)), width)
	}
}

func TestLinesThatNoWindowBrokeStayApart(t *testing.T) {
	for name, text := range map[string]string{
		"events that fit": wide,
		"rows of one width": "LAST SEEN   TYPE      REASON    OBJECT      MESSAGE\n" +
			strings.Repeat("5m          Warning   BackOff   pod/web-0   Back-off restarting failed container web\n", 4) + "\n\n\n\n\n",
		"fields behind a line of the greatest width": strings.Repeat("  Image ID:  registry.example.org/web@sha256:da8368ce4381430bbadf4d6ef7e1cbc5d37368d\nPort:        <none>\n", 4) + "\n\n\n\n",
		"two lines of one width":                     strings.Repeat("  Warning  BackOff  5m  kubelet  Back-off restarting failed container web in pod web-0_shop\nit is still there\n", 2) + "a\nb\nc\n",
		"nothing":                                    "",
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, text, unbroken(text)) })
	}
}

func TestAMarginIsTakenOffWhereAllLinesHaveIt(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a mail":                         {"> NAME   READY\n>\n> web-0  0/1\n", "NAME   READY\n\nweb-0  0/1\n"},
		"a mail that was answered":       {"> NAME   READY\n> web-0  0/1\nIt is still down.\n", "> NAME   READY\n> web-0  0/1\nIt is still down.\n"},
		"a chat":                         {"| NAME   READY\n| web-0  0/1\n", "NAME   READY\nweb-0  0/1\n"},
		"a table of Markdown":            {"| NAME | READY |\n| web-0 | 0/1 |\n", "| NAME | READY |\n| web-0 | 0/1 |\n"},
		"a prompt and its output":        {"    $ kubectl get pods\n    NAME   READY\n\n      web-0\n", "$ kubectl get pods\nNAME   READY\n\n  web-0\n"},
		"an indented piece of something": {"    State:  Waiting\n      Reason:  Error\n", "    State:  Waiting\n      Reason:  Error\n"},
		"nothing":                        {"", ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, withoutMargin(test.text)) })
	}
}
