package main

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/scenario"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/redis"
	"wardroom/integrations/redis/redistest"
)

// ponds are the simulated Redis sets of a scenario, by the names of their workloads.
type ponds struct {
	kube  *kubetest.Server
	clock *scenario.Clock
	sets  []redis.Set
	sims  map[string]*redistest.Server
}

// add makes the pods of a workload Redis instances: each answers while it is Ready.
func (p *ponds) add(l scenario.Workload) error {
	namespace, name, _ := strings.Cut(l.Name, "/")
	sim, err := redistest.New(redistest.Options{Now: p.clock.Now, Name: name, Domain: name + "." + namespace, Instances: l.Instances(), Master: l.Redis.Master, Keys: l.Redis.Keys, Unwatched: l.Redis.Unwatched,
		Pods: func() []redistest.Pod { return podsOfRedis(p.kube, namespace, name) }})
	if err != nil {
		return err
	}
	if p.sims == nil {
		p.sims = map[string]*redistest.Server{}
	}
	p.sims[l.Name] = sim
	set := redis.Set{RedisSet: fleet.RedisSet{Name: l.Name, Workload: fleet.Object{Kind: l.Kind, Namespace: namespace, Name: name}},
		Addresses: sim.Addresses(), Sentinels: sim.Sentinels(), Timeout: 20 * time.Second}
	if !l.Redis.Unwatched {
		set.Master = sim.Watch()
	}
	p.sets = append(p.sets, set)
	return nil
}

// podsOfRedis are the pods that a simulated cluster has of a StatefulSet; others whose
// names begin alike do no harm.
func podsOfRedis(kube *kubetest.Server, namespace, name string) (pods []redistest.Pod) {
	for _, one := range kube.Pods() {
		if pod, of := strings.CutPrefix(one.Name, namespace+"/"); of && strings.HasPrefix(pod, name+"-") {
			pods = append(pods, redistest.Pod{Name: pod, UID: one.UID, Ready: one.Ready, Severed: one.Severed})
		}
	}
	return pods
}

// settings are what the bot reaches them with; nil when there are none.
func (p *ponds) settings() *redis.Options {
	if len(p.sets) == 0 {
		return nil
	}
	doors := map[string]string{}
	for _, sim := range p.sims {
		maps.Copy(doors, sim.Doors())
	}
	return &redis.Options{Declared: p.sets, Dial: redistest.Dialer(doors)}
}

// advance lets happen what is due.
func (p *ponds) advance() {
	for _, sim := range p.sims {
		sim.Advance()
	}
}

// befall lets something happen to the instance of a pod, as "mastodon/redis-0".
func (p *ponds) befall(pod string, do func(sim *redistest.Server, pod string)) error {
	for name, sim := range p.sims {
		namespace, _, _ := strings.Cut(name, "/")
		if strings.HasPrefix(pod, name+"-") {
			do(sim, strings.TrimPrefix(pod, namespace+"/"))
			return nil
		}
	}
	return fmt.Errorf("there is no Redis %s", pod)
}

func (p *ponds) close() {
	for _, sim := range p.sims {
		sim.Close()
	}
}
