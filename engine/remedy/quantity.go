package remedy

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// amount reads resources.<list>.<name> of a container or pod spec; nil when there is none. A negative amount is
// an error, as it is for the API server.
func amount(fields map[string]any, list, name string) (*resource.Quantity, error) {
	amounts, ok := descend(fields, "resources", list)
	if !ok || amounts[name] == nil {
		return nil, nil
	}
	var text string
	switch value := amounts[name].(type) {
	case string:
		text = value
	case json.Number:
		text = value.String()
	case int64, float64, int:
		text = fmt.Sprint(value)
	default:
		return nil, fmt.Errorf("%s.%s is neither text nor a number", list, name)
	}
	quantity, err := ParseQuantity(text)
	if err != nil {
		return nil, fmt.Errorf("%s.%s %q is not a quantity: %w", list, name, cut(text), err)
	}
	if quantity.Sign() < 0 {
		return nil, fmt.Errorf("%s.%s %s is negative", list, name, quantity.String())
	}
	return &quantity, nil
}

// maxQuantity and maxExponent bound how a quantity is written: in characters, and in digits of its exponent.
const (
	maxQuantity = 64
	maxExponent = 2
)

// ParseQuantity reads a quantity that somebody wrote. One with an exponent of many digits is an error: comparing
// 1e999999999 with another quantity writes out all of its digits, and reading 1e-999999999 does.
func ParseQuantity(text string) (resource.Quantity, error) {
	_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if len(text) > maxQuantity || len(strings.TrimLeft(exponent, "+-0")) > maxExponent {
		return resource.Quantity{}, resource.ErrFormatWrong
	}
	return resource.ParseQuantity(text)
}

// maxShown bounds what is quoted of an object's own text in a reason, in bytes.
const maxShown = 64

// cut shortens text of an object for a reason.
func cut(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return text[:maxShown] + "…"
}

// times gives a quantity multiplied by a rational number greater than zero, in the unit of the quantity; false
// when the result is not between 1 and what 63 bits hold.
func times(quantity resource.Quantity, numerator, denominator int64) (resource.Quantity, bool) {
	value := quantity.Value()
	if value <= 0 || numerator <= 0 || denominator <= 0 {
		return resource.Quantity{}, false
	}
	high, low := bits.Mul64(uint64(value), uint64(numerator))
	if high >= uint64(denominator) {
		return resource.Quantity{}, false
	}
	result, _ := bits.Div64(high, low, uint64(denominator))
	if result == 0 || result > math.MaxInt64 {
		return resource.Quantity{}, false
	}
	return *resource.NewQuantity(int64(result), quantity.Format), true
}

const mebi = 1 << 20

// Tidy rounds a number of bytes up to one that a person would write in the unit of the quantity beside which it
// will stand: an eighth of a power of two, or a twentieth of a power of ten. It adds at most an eighth. What is too
// large to be rounded stays as it is.
func Tidy(bytes int64, beside resource.Quantity) resource.Quantity {
	step := int64(1)
	if beside.Format == resource.BinarySI || beside.Value()%mebi == 0 {
		if bytes > 8 {
			step = 1 << (bits.Len64(uint64(bytes)) - 4)
		}
		step = max(step, min(mebi, bytes))
	} else {
		for step <= bytes/10 {
			step *= 10
		}
		step = max(step/20, 1)
	}
	rounded := bytes
	if rest := bytes % step; rest != 0 && bytes <= math.MaxInt64-step {
		rounded = bytes - rest + step
	}
	return *resource.NewQuantity(rounded, beside.Format)
}
