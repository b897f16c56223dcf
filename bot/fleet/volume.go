package fleet

import "time"

// Claim is a PersistentVolumeClaim with the volume that it is bound to.
type Claim struct {
	Object
	Volume string `json:"volume,omitempty"` // the PersistentVolume
}

// Volume is a PersistentVolume as the cluster sees it.
type Volume struct {
	Name    string   `json:"name"`               // "pvc-bb1d06139b334c1f"
	Claim   Object   `json:"claim,omitzero"`     // what it is bound to
	Driver  string   `json:"driver,omitempty"`   // "linodebs.csi.linode.com"
	Handle  string   `json:"handle,omitempty"`   // the driver's: "12345-pvcbb1d06139b334c1f"
	CloudID int      `json:"cloud_id,omitempty"` // the cloud's number, out of the handle; 0: not one of the cloud's
	Modes   []string `json:"modes,omitempty"`    // "ReadWriteOnce"
	Phase   string   `json:"phase,omitempty"`
}

// Exclusive reports whether only one node can use the volume at a time.
func (v Volume) Exclusive() bool {
	for _, m := range v.Modes {
		if m == "ReadWriteMany" || m == "ReadOnlyMany" {
			return false
		}
	}
	return true
}

// Attachment is a VolumeAttachment: the cluster's wish and word that a volume is
// attached to a node. A volume is fully detached when there is none.
type Attachment struct {
	Name     string    `json:"name"`
	Volume   string    `json:"volume"`
	Node     string    `json:"node"`
	Attached bool      `json:"attached"`
	Error    string    `json:"error,omitempty"` // of attaching or detaching, the driver's words
	Created  time.Time `json:"created,omitzero"`
	Deleting bool      `json:"deleting,omitempty"`
}

// CloudVolume is a volume as the cloud sees it. Attached without Usable is the
// limbo of 2021: the cloud says attached, the machine has no device.
type CloudVolume struct {
	ID       int       `json:"id"`
	Label    string    `json:"label"`
	Status   string    `json:"status"`             // an open set: "active", "resizing", …
	Instance int       `json:"instance,omitempty"` // 0: attached to none
	Usable   bool      `json:"usable,omitempty"`   // io_ready
	Region   string    `json:"region,omitempty"`
	SizeGiB  int       `json:"size_gib,omitempty"`
	Updated  time.Time `json:"updated,omitzero"`
}
