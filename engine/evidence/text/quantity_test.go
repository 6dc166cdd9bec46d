package text

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHugeNumbersAreNoQuantities(t *testing.T) {
	digits := strings.Repeat("9", maxQuantity+1)
	for text, huge := range map[string]bool{
		"128Mi": false, "1e3": false, "1e-999": false, "1e1000": true, "-1E-99999": true, ".5e12345": true, digits: true, digits + "Ei": true, "0." + digits: true,
		digits + " lines": false, "e12345": false, "": false, "-": false, "m12345": false, "5Mi12345": false, "7f8b6c5d": false,
	} {
		require.Equal(t, huge, isHugeNumber([]byte(text)), text)
	}
	_, ok := parseQuantity("1e-99999")
	require.False(t, ok)
	_, ok = parseQuantity("-")
	require.False(t, ok)
	size, ok := parseQuantity("1Gi")
	require.True(t, ok)
	require.Equal(t, int64(1<<30), size.Value())
}

func TestOnlyHugeNumbersInPlaceOfQuantitiesAreTakenOutOfJSON(t *testing.T) {
	for before, after := range map[string]string{
		`{"limits":{"memory":"1e99999","cpu":"1"}}`:                              `{"limits":{"memory":"xxxxxxx","cpu":"1"}}`,
		`{"limits":{"memory":1e99999}}`:                                          `{"limits":{"memory":"xxxxx"}}`,
		`{"a":[" 1e99999 ",{"b":-1e-99999}]}`:                                    `{"a":["xxxxxxxxx",{"b":"xxxxxxx"}]}`,
		`{"labels":{"commit":"12e99999"},"sizeLimit":"1e99999"}`:                 `{"labels":{"commit":"12e99999"},"sizeLimit":"xxxxxxx"}`,
		`{"1e99999":"a","message":"1e99999 and more","x":"\"1e99999","y":12345}`: `{"1e99999":"a","message":"1e99999 and more","x":"\"1e99999","y":12345}`,
	} {
		given := []byte(before)
		require.Equal(t, after, string(withoutHugeNumbers(given)))
		require.Equal(t, before, string(given), "what was given is not ours to change")
	}
}
