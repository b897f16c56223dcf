package kubetest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// plain is an answer that is no JSON.
type plain string

// WriteLog has the containers of a pod, "default/redis-0", have written these lines.
func (s *Server) WriteLog(pod, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logs == nil {
		s.logs = map[string]string{}
	}
	s.logs[pod] = text
}

// log answers as a kubelet does through the API server: 400 for a container that has
// not run, 500 for a node that does not answer.
func (s *Server) log(c *call, p *corev1.Pod) any {
	q := c.r.URL.Query()
	name := q.Get("container")
	switch _, _, alive := s.alive(p.Spec.NodeName); {
	case p.Spec.NodeName == "" || p.Status.Phase == corev1.PodPending:
		return refusal(http.StatusBadRequest, "BadRequest", fmt.Sprintf("container %q in pod %q is waiting to start: ContainerCreating", "main", p.Name))
	case !alive:
		return refusal(http.StatusInternalServerError, "InternalError", "Get \"https://"+p.Spec.NodeName+":10250/containerLogs\": dial tcp: i/o timeout")
	case name != "" && name != p.Spec.Containers[0].Name:
		return refusal(http.StatusBadRequest, "BadRequest", "container "+name+" is not valid for pod "+p.Name)
	case q.Get("previous") == "true":
		return refusal(http.StatusBadRequest, "BadRequest", "previous terminated container \"main\" not found")
	}
	text := s.logs[p.Namespace+"/"+p.Name]
	if n, err := strconv.Atoi(q.Get("tailLines")); err == nil {
		lines := strings.SplitAfter(text, "\n")
		if last := len(lines) - 1; last >= 0 && lines[last] == "" {
			lines = lines[:last]
		}
		text = strings.Join(lines[max(0, len(lines)-n):], "")
	}
	if n, err := strconv.Atoi(q.Get("limitBytes")); err == nil && len(text) > n {
		text = text[:n]
	}
	return plain(text)
}
