package text

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

// rows are the objects that tables told of, the last row of each.
type rows struct {
	objects []runtime.Object
	index   map[string]int
	// tables are the number of the table that told of each object last, from 1; partial says of each table whether it
	// tells of some objects only.
	tables  []int
	partial []bool
}

// put adds an object, or takes it for the next state of one that a row told of before.
func (r *rows) put(kind string, object runtime.Object) {
	key, ok := keyOf(kind, object, true)
	if !ok {
		return
	}
	if r.index == nil {
		r.index = map[string]int{}
	}
	if at, seen := r.index[key]; seen {
		afterwards(r.objects[at], object)
		r.objects[at], r.tables[at] = object, len(r.partial)
		return
	}
	r.index[key] = len(r.objects)
	r.objects, r.tables = append(r.objects, object), append(r.tables, len(r.partial))
}

// beside are the rows of objects that are not among the others.
func (r *rows) beside(others []runtime.Object) []runtime.Object {
	if len(r.objects) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, other := range others {
		for _, full := range []bool{true, false} {
			if key, ok := keyOf(goKind(other), other, full); ok {
				known[key] = true
			}
		}
	}
	var beside []runtime.Object
	for _, object := range r.objects {
		kind := goKind(object)
		full, ok := keyOf(kind, object, true)
		accessor, err := meta.Accessor(object)
		if !ok || err != nil {
			continue
		}
		short, _ := keyOf(kind, object, false)
		if known[full] || accessor.GetNamespace() == "" && known[short] {
			continue
		}
		beside = append(beside, object)
	}
	return beside
}

// keyOf identifies an object, with or without its namespace.
func keyOf(kind string, object runtime.Object, full bool) (string, bool) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return "", false
	}
	if full {
		return kind + "/" + accessor.GetNamespace() + "/" + accessor.GetName(), true
	}
	return kind + "//" + accessor.GetName(), true
}
