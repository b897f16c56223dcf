package timeline

import "time"

// Delivery records, as a table: what followers made outside, so that a follower
// finds its own work again after a restart.

// DeliveryRow is the newest record of what a follower made for one entry.
type DeliveryRow struct {
	Follower string    `json:"follower"`
	Of       Ref       `json:"of"`
	External string    `json:"external"`
	URL      string    `json:"url,omitempty"`
	At       time.Time `json:"at"`    // when the delivery was recorded
	Entry    Ref       `json:"entry"` // the [Delivered] entry
}

// Deliveries holds what followers made outside, under "follower/INC-1#17".
var Deliveries = Table[DeliveryRow]{
	Schema: Schema{Name: "deliveries", Columns: []string{"follower", "timeline", "seq", "external"}},
	Row: func(d DeliveryRow) (string, []any) {
		return deliveryKey(d.Follower, d.Of), []any{d.Follower, string(d.Of.Timeline), d.Of.Seq, d.External}
	},
}

func deliveryKey(follower string, of Ref) string { return follower + "/" + of.String() }

// DeliveriesFold keeps [Deliveries]. It depends on no other fold.
var DeliveriesFold = Fold{Name: "deliveries", Tables: []Schema{Deliveries.Schema}, Apply: applyDelivery}

func applyDelivery(w Writer, e Entry) error {
	switch p := e.Payload.(type) {
	case *Delivered:
		return Deliveries.Put(w, DeliveryRow{Follower: p.Follower, Of: p.Of, External: p.External, URL: p.URL, At: e.RecordedAt, Entry: e.Ref})
	case *Erasure:
		for _, ref := range p.Refs {
			if err := forgetDelivery(w, ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetDelivery drops the row that an erased [Delivered] entry made. The entry
// itself stands in the timeline of what it delivered.
func forgetDelivery(w Writer, entry Ref) error {
	rows, err := Deliveries.Select(w, Query{Where: []Where{{Column: "timeline", Value: string(entry.Timeline)}}})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Entry != entry {
			continue
		}
		if err := w.DeleteRow(Deliveries.Name, deliveryKey(row.Follower, row.Of)); err != nil {
			return err
		}
	}
	return nil
}

// DeliveriesOf returns what a follower made outside for the entries of one
// timeline, in their order.
func DeliveriesOf(r Reader, follower string, id ID) ([]DeliveryRow, error) {
	return Deliveries.Select(r, Query{
		Where:   []Where{{Column: "follower", Value: follower}, {Column: "timeline", Value: string(id)}},
		OrderBy: "seq",
	})
}
