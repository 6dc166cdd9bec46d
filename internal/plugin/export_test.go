package plugin_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/kube-remedy/kube-remedy/internal/plugin"
)

const webFile = `# The shop's web server.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: proxy
        image: proxy:1
      - name: app
        image: "shop/web:1"
        resources:
          requests: {memory: 64Mi} # measured in 2024
          limits: {memory: 128Mi}
`

func TestExportWritesPatches(t *testing.T) {
	s := serve(t, verified, web, shop)
	out, _, err := s.on("export", "deploy/web", "-o", "patch")
	require.NoError(t, err)
	golden(t, "export-patch.json", out)
}

// TestTheKustomizationDoesWhatTheCureDoes builds it with kustomize.
func TestTheKustomizationDoesWhatTheCureDoes(t *testing.T) {
	s := serve(t, verified, suggested, web, shop, cart)
	out, _, err := s.with(webFile, nil, "export", "deployment-web-oomkilled-app", "-o", "kustomize", "-f", "-")
	require.NoError(t, err)
	golden(t, "export-kustomization.yaml", out)
	files := filesys.MakeFsInMemory()
	require.NoError(t, files.WriteFile("web.yaml", []byte(webFile)))
	require.NoError(t, files.WriteFile("kustomization.yaml", []byte(out+"resources: [web.yaml]\n")))
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, ".")
	require.NoError(t, err)
	text, err := built.AsYaml()
	require.NoError(t, err)
	golden(t, "export-built.yaml", string(text))
}

func TestExportChangesTheFileInPlace(t *testing.T) {
	s := serve(t, verified, shop)
	path := filepath.Join(t.TempDir(), "web.yaml")
	require.NoError(t, os.WriteFile(path, []byte(webFile), 0o640))
	out, _, err := s.on("export", "deployment-web-oomkilled-app", "-o", "manifest", "-f", path, "--message")
	require.NoError(t, err)
	golden(t, "export-message.txt", out)
	changed, err := os.ReadFile(path)
	require.NoError(t, err)
	golden(t, "export-manifest.yaml", string(changed))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())

	out, errs, err := s.on("export", "deployment-web-oomkilled-app", "-o", "manifest", "-f", path)
	require.Equal(t, plugin.Exit{Status: 3}, err, "the second time there is nothing to do")
	require.Empty(t, out)
	require.Contains(t, errs, "changes nothing")
}

func TestExportOfAWorkloadLeavesSuggestionsOut(t *testing.T) {
	s := serve(t, suggested, cart, shop)
	_, errs, err := s.on("export", "deploy/cart")
	require.ErrorContains(t, err, "there is no cure for deploy/cart to export")
	require.Contains(t, errs, "it is only suggested; name it to export it")
	out, _, err := s.on("export", "deployment-cart-imagepullbackoff-app")
	require.NoError(t, err)
	require.Contains(t, out, `"value": "shop/cart:1.4.2"`)
}

func TestExportReadsStandardInput(t *testing.T) {
	s := serve(t, verified, shop)
	out, _, err := s.with(webFile, nil, "export", "deployment-web-oomkilled-app", "-o", "manifest", "-f", "-")
	require.NoError(t, err)
	require.Contains(t, out, "limits: {memory: 256Mi}")
	out, _, err = s.with(webFile, nil, "export", "deployment-web-oomkilled-app", "-o", "diff", "-f", "-")
	require.NoError(t, err)
	require.Contains(t, out, "+          requests: {memory: 128Mi} # measured in 2024\n")
}

func TestExportRefusesWhatItCantDo(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		err  string
	}{
		{"a manifest without a file", []string{"-o", "manifest"}, "--filename is needed for -o manifest"},
		{"a message beside a patch", []string{"-o", "patch", "--message"}, "--message is for -o manifest"},
		{"a form that there is not", []string{"-o", "helm"}, `--output "helm" must be patch, kustomize, manifest, diff or helm-values`},
		{"values in place of nothing", []string{"-o", "helm-values"}, "helm get values --all RELEASE"},
		{"a patch in place", []string{"-o", "patch", "--in-place"}, "--in-place is for -o helm-values"},
		{"a file without the workload", []string{"-f", "../../go.mod"}, "--filename ../../go.mod"},
	} {
		_, _, err := serve(t, verified, web).on(append([]string{"export", "deploy/web"}, test.args...)...)
		require.ErrorContains(t, err, test.err, test.name)
	}
}
