// Package e2e runs Wardroom against a Kubernetes that is none of ours: the control
// plane of k8sdev, with the attach-detach controller, external-attacher and the cloud's
// node lifecycle controller as they are released. kwok is the kubelets, the machines
// below them are those of the product's simulated Linode, and Wardroom is the program
// as it is shipped, signed in as the service accounts of deploy/kubernetes.
//
// Everything listens on loopback, on free ports, and ends with its test. `make e2e`
// builds what is needed and runs it; see docs/testing.md.
package e2e
