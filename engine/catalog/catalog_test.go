package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
)

func TestBuiltInRulesLoad(t *testing.T) {
	_, err := catalog.BuiltIn()
	require.NoError(t, err)
}

func TestEverySignatureFiresOnItsSamplesAndMissesTheOthers(t *testing.T) {
	known, err := catalog.BuiltIn()
	require.NoError(t, err)
	require.NoError(t, known.CheckSamples())
}
