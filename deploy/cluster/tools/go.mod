// Small programs of our own that the cluster is made with. Standard library, and one reader of YAML.
module windfirm.dev/cluster/tools

go 1.26.0

require sigs.k8s.io/yaml v1.6.0

require go.yaml.in/yaml/v2 v2.4.2 // indirect
