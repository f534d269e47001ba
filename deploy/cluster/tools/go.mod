// Small programs of our own that the cluster is made with. Standard library, a reader of YAML, and two that read what k6 sends.
module windfirm.dev/cluster/tools

go 1.26.0

require (
	github.com/klauspost/compress v1.19.1
	google.golang.org/protobuf v1.36.11
	sigs.k8s.io/yaml v1.6.0
)

require go.yaml.in/yaml/v2 v2.4.2 // indirect
