package kubetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// patch returns what an object becomes.
func patch(o runtime.Object, how string, body []byte) ([]byte, *metav1.Status) {
	bad := func(err error) *metav1.Status { return refusal(http.StatusBadRequest, "BadRequest", err.Error()) }
	is, err := json.Marshal(o)
	if err != nil {
		return nil, bad(err)
	}
	how, _, _ = strings.Cut(how, ";")
	switch types.PatchType(how) {
	case types.StrategicMergePatchType:
		if _, untyped := o.(*unstructured.Unstructured); untyped {
			return nil, refusal(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "the body of the request was in an unknown format")
		}
		out, err := strategicpatch.StrategicMergePatch(is, body, o)
		if err != nil {
			return nil, bad(err)
		}
		return out, nil
	case types.MergePatchType:
		var from, with map[string]any
		if err := json.Unmarshal(is, &from); err != nil {
			return nil, bad(err)
		}
		if err := json.Unmarshal(body, &with); err != nil {
			return nil, bad(err)
		}
		out, err := json.Marshal(merge(from, with))
		if err != nil {
			return nil, bad(err)
		}
		return out, nil
	case types.JSONPatchType:
		out, err := jsonPatch(is, body)
		if err != nil {
			return nil, refusal(http.StatusUnprocessableEntity, "Invalid", err.Error())
		}
		return out, nil
	}
	return nil, refusal(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "the body of the request was in an unknown format")
}

// merge is RFC 7386.
func merge(into, with map[string]any) map[string]any {
	if into == nil {
		into = map[string]any{}
	}
	for k, v := range with {
		switch v := v.(type) {
		case nil:
			delete(into, k)
		case map[string]any:
			inner, _ := into[k].(map[string]any)
			into[k] = merge(inner, v)
		default:
			into[k] = v
		}
	}
	return into
}

// jsonPatch is RFC 6902 without move and copy.
func jsonPatch(is, body []byte) ([]byte, error) {
	var doc any
	var ops []struct {
		Op, Path string
		Value    any
	}
	if err := json.Unmarshal(is, &doc); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &ops); err != nil {
		return nil, err
	}
	for _, op := range ops {
		steps := strings.Split(strings.TrimPrefix(op.Path, "/"), "/")
		for i := range steps {
			steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(steps[i])
		}
		var err error
		if doc, err = operate(doc, steps, op.Op, op.Value); err != nil {
			return nil, fmt.Errorf("%s %s: %w", op.Op, op.Path, err)
		}
	}
	return json.Marshal(doc)
}

func operate(doc any, steps []string, op string, value any) (any, error) {
	step, last := steps[0], len(steps) == 1
	switch doc := doc.(type) {
	case map[string]any:
		at, there := doc[step]
		switch {
		case !there && !(last && op == "add"):
			return nil, fmt.Errorf("there is no %q", step)
		case !last:
			inner, err := operate(at, steps[1:], op, value)
			doc[step] = inner
			return doc, err
		case op == "test":
			if !reflect.DeepEqual(at, value) {
				return nil, fmt.Errorf("the test failed")
			}
		case op == "remove":
			delete(doc, step)
		case op == "add", op == "replace":
			doc[step] = value
		default:
			return nil, fmt.Errorf("unknown operation")
		}
		return doc, nil
	case []any:
		if step == "-" && last && op == "add" {
			return append(doc, value), nil
		}
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(doc) {
			return nil, fmt.Errorf("there is no %q", step)
		}
		switch {
		case !last:
			inner, err := operate(doc[i], steps[1:], op, value)
			doc[i] = inner
			return doc, err
		case op == "test" && !reflect.DeepEqual(doc[i], value):
			return nil, fmt.Errorf("the test failed")
		case op == "remove":
			return append(doc[:i:i], doc[i+1:]...), nil
		case op == "add":
			return append(doc[:i:i], append([]any{value}, doc[i:]...)...), nil
		case op == "replace":
			doc[i] = value
		}
		return doc, nil
	}
	return nil, fmt.Errorf("%q leads nowhere", step)
}
