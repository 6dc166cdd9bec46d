package text

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestOwnersInACircleAndHalfATimeAreRead(t *testing.T) {
	for name, text := range map[string]string{
		"a ReplicaSet that owns itself": "Name:           till-7d9f6c5b8d\nNamespace:      shop\nSelector:       app=till\n" +
			"Controlled By:  ReplicaSet/till-7d9f6c5b8d\nReplicas:       0 current / 3 desired\nPods Status:    0 Running / 0 Waiting / 0 Succeeded / 0 Failed\n",
		"a tab inside a time": "2026-02-03T10:11:12.120Z\twarn\tnot ready\n2026-02-03T10:11:\tinfo\tready\n",
	} {
		assert.NotPanics(t, func() { Parse([]byte(text), time.Time{}).Collect() }, name)
	}
}
