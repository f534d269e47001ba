// Only the CRDs in manifests/crds are taken from it, nothing is compiled: so `go mod tidy` would throw the line away.
module windfirm.dev/cluster/argocd

go 1.26.0

require github.com/argoproj/argo-cd/v3 v3.5.1
