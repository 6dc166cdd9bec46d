package eventwatcher

import (
	"encoding/binary"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// wanted is what is kept of a message on the wire, by number: all of a field, or of a message in it only what its own
// fields say. Reading the rest is most of what decoding a pod costs.
type wanted map[protowire.Number]wanted

// appendFields appends what is kept of a message to what is there already.
func appendFields(kept, message []byte, only wanted) ([]byte, error) {
	err := eachField(message, func(number protowire.Number, whole, value []byte) error {
		within, ok := only[number]
		switch {
		case !ok:
			return nil
		case within == nil:
			kept = append(kept, whole...)
			return nil
		}
		begin := len(kept)
		var err error
		if kept, err = appendFields(kept, value, within); err != nil {
			return fmt.Errorf("field %d: %w", number, err)
		}
		header := protowire.AppendTag(make([]byte, 0, 2*binary.MaxVarintLen32), number, protowire.BytesType)
		kept = slices.Insert(kept, begin, protowire.AppendVarint(header, uint64(len(kept)-begin))...)
		return nil
	})
	return kept, err
}

// eachField shows the fields of a message in their order, each as a whole and, where it has a length, what is in it.
func eachField(message []byte, show func(number protowire.Number, whole, value []byte) error) error {
	for len(message) > 0 {
		number, kind, head := protowire.ConsumeTag(message)
		if head < 0 {
			return protowire.ParseError(head)
		}
		size := protowire.ConsumeFieldValue(number, kind, message[head:])
		if size < 0 {
			return fmt.Errorf("field %d: %w", number, protowire.ParseError(size))
		}
		var value []byte
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(message[head:])
		}
		if err := show(number, message[:head+size], value); err != nil {
			return err
		}
		message = message[head+size:]
	}
	return nil
}
