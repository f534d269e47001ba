// Command shop prints the demo's shop as objects for the cluster, one JSON list in the order in which they can be applied:
// namespaces, the AppProject, Services and Deployments, a stand-in for each namespace, and every Application of the demo's
// repository with the status that Argo CD would have written (argocd.go). The same repository makes the same text.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"
	"slices"
)

type object = map[string]any

func main() {
	log.SetFlags(0)
	folder := flag.String("repository", "", "a working copy of the demo's repository")
	image := flag.String("standin", "", "image of the stand-in")
	flag.Parse()

	repository := open(*folder)
	shop := &shop{repository: repository, namespaces: map[string]bool{controlPlane: true}}
	for _, root := range repository.documents("roots") {
		shop.application(root, nil)
	}
	var list []any
	for _, name := range sorted(shop.namespaces) {
		list = append(list, object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name}})
	}
	list = append(list, project(sorted(shop.namespaces)))
	for _, name := range sorted(shop.targets()) {
		list = append(list, standIn(name, *image))
	}
	list = append(append(list, shop.workloads...), shop.applications...)
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(object{"apiVersion": "v1", "kind": "List", "items": list}); err != nil {
		log.Fatal(err)
	}
}

// A shop is what has been met so far on the way down from the roots.
type shop struct {
	repository   *repository
	namespaces   map[string]bool
	workloads    []any
	applications []any
}

// application takes in an Application of the repository, what it deploys, and the Applications below it.
func (s *shop) application(app object, parent object) {
	if parent != nil {
		track(app, parent)
	}
	target := text(app, "spec", "destination", "namespace")
	s.namespaces[text(app, "metadata", "namespace")] = true
	s.namespaces[target] = true
	var managed []object
	for _, path := range paths(app) {
		managed = append(managed, s.repository.documents(path)...)
	}
	app["status"] = status(app, managed, s.repository)
	s.applications = append(s.applications, app)
	for _, one := range managed {
		if text(one, "kind") == "Application" {
			s.application(one, app)
			continue
		}
		at(one, "metadata")["namespace"] = target
		s.workloads = append(s.workloads, quiet(one))
	}
}

// Namespaces that something is deployed to.
func (s *shop) targets() map[string]bool {
	found := map[string]bool{}
	for _, one := range s.workloads {
		found[text(one.(object), "metadata", "namespace")] = true
	}
	return found
}

const standInLabel = "windfirm.dev/stand-in"

// The images of the demo exist nowhere: Deployments keep their form with no replicas, and Services lead to the stand-in.
func quiet(one object) object {
	switch text(one, "kind") {
	case "Deployment":
		at(one, "spec")["replicas"] = 0
	case "Service":
		at(one, "spec")["selector"] = object{standInLabel: "shop"}
	}
	return one
}

func standIn(namespace, image string) object {
	labels := object{standInLabel: "shop"}
	small := object{"cpu": "10m", "memory": "32Mi"}
	return object{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": object{"name": "stand-in", "namespace": namespace, "labels": labels},
		"spec": object{
			"replicas": 1, "selector": object{"matchLabels": labels},
			"template": object{"metadata": object{"labels": labels}, "spec": object{
				"automountServiceAccountToken": false, "enableServiceLinks": false,
				"containers": []any{object{
					"name": "stand-in", "image": image, "imagePullPolicy": "Never",
					"env":            []any{object{"name": "WORK", "value": "5ms"}, object{"name": "GOMEMLIMIT", "value": "48MiB"}},
					"ports":          []any{object{"containerPort": 8080}},
					"readinessProbe": object{"httpGet": object{"path": "/_health", "port": 8080}, "periodSeconds": 5},
					"resources":      object{"requests": small, "limits": object{"memory": "64Mi"}},
				}},
			}},
		},
	}
}

func sorted(names map[string]bool) []string {
	var list []string
	for name := range names {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
