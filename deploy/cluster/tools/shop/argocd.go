package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What Argo CD 3.5 writes into an Application, in the form in which a real one was seen to write it: children of a parent carry
// its tracking id, `resources` have waves and no health, several sources make `revisions` and no `revision`.

// The namespace of Argo CD itself; Applications may live in others.
const controlPlane = "argocd"

// Two apps that are not well, so that not all of the tree is green.
var degraded = map[string]bool{"argocd-dev/shipping": true}
var refused = map[string]bool{"argocd-dev/cart": true}

func project(namespaces []string) object {
	return object{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
		"metadata": object{"name": "default", "namespace": controlPlane},
		"spec": object{
			"sourceRepos":              []any{"*"},
			"sourceNamespaces":         namespaces,
			"destinations":             []any{object{"namespace": "*", "server": "*"}},
			"clusterResourceWhitelist": []any{object{"group": "*", "kind": "*"}},
		},
	}
}

func track(app, parent object) {
	instance := text(parent, "metadata", "name")
	if namespace := text(parent, "metadata", "namespace"); namespace != controlPlane {
		instance = namespace + "_" + instance
	}
	annotations := at(app, "metadata", "annotations")
	annotations["argocd.argoproj.io/tracking-id"] = fmt.Sprintf("%s:argoproj.io/Application:%s", instance, key(app))
}

func status(app object, managed []object, repository *repository) object {
	head := repository.head
	deployed := repository.changes(paths(app))
	last := deployed[len(deployed)-1]
	ok := !refused[key(app)]
	told := object{
		"controllerNamespace":  controlPlane,
		"health":               object{"status": "Healthy", "lastTransitionTime": stamp(last.at, 20)},
		"operationState":       operation(app, managed, last, ok),
		"reconciledAt":         stamp(head.at, 180),
		"resourceHealthSource": "appTree",
		"resources":            resources(app, managed, ok),
		"sourceHydrator":       object{},
		"summary":              summary(managed),
	}
	if degraded[key(app)] {
		told["health"] = object{"status": "Degraded", "lastTransitionTime": stamp(last.at, 620)}
	}
	if sources := at(app, "spec")["sources"]; sources != nil {
		told["sourceTypes"] = slices.Repeat([]any{"Directory"}, len(sources.([]any)))
	} else {
		told["sourceType"] = "Directory"
	}
	var history []any
	for id, change := range deployed {
		history = append(history, with(object{
			"id": id, "deployStartedAt": stamp(change.at, 2), "deployedAt": stamp(change.at, 5), "initiatedBy": object{"automated": true},
		}, app, change.revision))
	}
	told["history"] = history
	compared := with(object{"destination": at(app, "spec")["destination"]}, app, "")
	sync := with(object{"status": "Synced"}, app, head.revision)
	delete(sync, "source")
	delete(sync, "sources")
	sync["comparedTo"] = compared
	if !ok {
		sync["status"] = "OutOfSync"
		told["conditions"] = []any{object{
			"type": "SyncError", "lastTransitionTime": stamp(last.at, 60),
			"message": "Failed last sync attempt to [" + last.revision + "]: one or more objects failed to apply (retried 5 times).",
		}}
	}
	told["sync"] = sync
	return told
}

// with adds the source and revision, or the sources and revisions, of an app. No revision: only the sources.
func with(to, app object, revision string) object {
	spec := at(app, "spec")
	if sources, several := spec["sources"].([]any); several {
		to["source"], to["sources"] = object{"repoURL": ""}, sources
		if revision != "" {
			to["revisions"] = slices.Repeat([]any{revision}, len(sources))
		}
		return to
	}
	to["source"] = spec["source"]
	if revision != "" {
		to["revision"] = revision
	}
	return to
}

func operation(app object, managed []object, change change, ok bool) object {
	result := with(object{"resources": results(app, managed, ok)}, app, change.revision)
	if result["revisions"] != nil {
		result["revision"] = ""
	}
	asked := with(object{"prune": true}, app, change.revision)
	if asked["sources"] != nil {
		delete(asked, "source")
	}
	state := object{
		"phase": "Succeeded", "message": "successfully synced (all tasks run)",
		"startedAt": stamp(change.at, 2), "finishedAt": stamp(change.at, 5),
		"operation":  object{"initiatedBy": object{"automated": true}, "retry": object{"limit": 5}, "sync": asked},
		"syncResult": result,
	}
	if !ok {
		state["phase"], state["message"], state["retryCount"] = "Failed", "one or more objects failed to apply (retried 5 times).", 5
	}
	return state
}

// resources are what an app manages, in Argo CD's order: by group, kind and name.
func resources(app object, managed []object, ok bool) []object {
	var list []object
	for _, one := range managed {
		group, version, found := strings.Cut(text(one, "apiVersion"), "/")
		if !found {
			group, version = "", group
		}
		entry := object{"kind": text(one, "kind"), "version": version, "name": text(one, "metadata", "name"), "status": "Synced"}
		if group != "" {
			entry["group"] = group
		}
		if entry["namespace"] = text(one, "metadata", "namespace"); entry["namespace"] == "" {
			entry["namespace"] = text(app, "spec", "destination", "namespace")
		}
		if wave := number(text(one, "metadata", "annotations", "argocd.argoproj.io/sync-wave")); wave != 0 {
			entry["syncWave"] = wave
		}
		if !ok && group == "apps" {
			entry["status"] = "OutOfSync"
		}
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b object) int {
		return cmp.Or(cmp.Compare(text(a, "group"), text(b, "group")), cmp.Compare(text(a, "kind"), text(b, "kind")), cmp.Compare(text(a, "name"), text(b, "name")))
	})
	return list
}

// results are what the last sync did with each resource.
func results(app object, managed []object, ok bool) []object {
	list := resources(app, managed, ok)
	for _, entry := range list {
		kind := strings.ToLower(text(entry, "kind"))
		if group := text(entry, "group"); group != "" {
			kind += "." + group
		} else {
			entry["group"] = ""
		}
		entry["message"], entry["hookPhase"] = kind+"/"+text(entry, "name")+" created", "Running"
		if entry["status"] == "OutOfSync" {
			entry["message"], entry["hookPhase"], entry["status"] = kind+"/"+text(entry, "name")+" is forbidden: exceeded quota", "Failed", "SyncFailed"
		}
		entry["syncPhase"] = "Sync"
		delete(entry, "syncWave")
	}
	return list
}

func summary(managed []object) object {
	told := object{}
	var images []any
	for _, one := range managed {
		switch text(one, "kind") {
		case "Application":
			told["isAppOfApps"] = true
		case "Deployment":
			for _, container := range at(one, "spec", "template", "spec")["containers"].([]any) {
				images = append(images, container.(object)["image"])
			}
		}
	}
	if images != nil {
		told["images"] = images
	}
	return told
}

func stamp(at time.Time, seconds int) string {
	return at.Add(time.Duration(seconds) * time.Second).UTC().Format(time.RFC3339)
}
