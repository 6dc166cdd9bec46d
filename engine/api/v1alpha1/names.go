package v1alpha1

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AppNameLabel says of which app a pod is (https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/).
const AppNameLabel = "app.kubernetes.io/name"

// AppNameOf gives the app by which a pod is known: the value of its label app.kubernetes.io/name, if nothing controls the
// pod and whoever created it made up its name, without generateName. It is empty for every other pod.
func AppNameOf(pod metav1.Object) string {
	if !RandomName(pod.GetName()) || pod.GetGenerateName() != "" || metav1.GetControllerOfNoCopy(pod) != nil {
		return ""
	}
	return pod.GetLabels()[AppNameLabel]
}

// RandomName reports whether the end of a name is another each time; when in doubt it is not. It is if what stands behind
// the last dash or dot, or all of a name without either, is one of these:
//
//   - a UUID;
//   - six hexadecimal digits or more, or five characters or more of those that Kubernetes makes names of
//     (k8s.io/apimachinery/pkg/util/rand, alphanums), with a letter behind a digit: words with a number behind them (http2,
//     node01) are what people write;
//   - anything with eight decimal digits in a row, which is a time; the time of day may stand behind it as four to six
//     digits of their own.
func RandomName[T string | []byte](name T) bool {
	end := lastPart(name)
	if endsInUUID(name) || hasTime(end) || mixed(end) && (len(end) >= 6 && only(end, hexadecimal) || len(end) >= 5 && only(end, alphanums)) {
		return true
	}
	return len(end) >= 4 && len(end) <= 6 && only(end, decimal) && len(name) > len(end) && hasTime(lastPart(name[:len(name)-len(end)-1]))
}

const (
	decimal     = "0123456789"
	hexadecimal = "0123456789abcdef"
	alphanums   = "bcdfghjklmnpqrstvwxz2456789"
)

func lastPart[T string | []byte](name T) T {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '-' || name[i] == '.' {
			return name[i+1:]
		}
	}
	return name
}

func only[T string | []byte](text T, characters string) bool {
	for i := range len(text) {
		if strings.IndexByte(characters, text[i]) < 0 {
			return false
		}
	}
	return true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// mixed reports whether a letter stands behind a digit.
func mixed[T string | []byte](text T) bool {
	for i := 1; i < len(text); i++ {
		if digit(text[i-1]) && !digit(text[i]) {
			return true
		}
	}
	return false
}

// hasTime reports whether eight digits stand in a row: a date, or seconds since 1970.
func hasTime[T string | []byte](text T) bool {
	row := 0
	for i := range len(text) {
		if row++; !digit(text[i]) {
			row = 0
		}
		if row == 8 {
			return true
		}
	}
	return false
}

// endsInUUID reports whether a name ends in groups of 8, 4, 4, 4 and 12 hexadecimal digits.
func endsInUUID[T string | []byte](name T) bool {
	const size = 36
	if len(name) < size {
		return false
	}
	if before := name[:len(name)-size]; len(lastPart(before)) > 0 {
		return false
	}
	for i := range size {
		c := name[len(name)-size+i]
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && strings.IndexByte(hexadecimal, c) < 0 {
			return false
		}
	}
	return true
}
