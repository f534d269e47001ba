package main

import (
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// A change is a commit: what may be deployed, and when it came.
type change struct {
	revision string
	at       time.Time
}

// A repository is a working copy; it is asked through Git.
type repository struct {
	folder string
	head   change
}

func open(folder string) *repository {
	repository := &repository{folder: folder}
	repository.head = repository.log("-1")[0]
	return repository
}

// changes are the commits that changed a manifest in one of the folders, oldest first.
func (r *repository) changes(folders []string) []change {
	arguments := []string{"--reverse", "--"}
	for _, folder := range folders {
		arguments = append(arguments, ":(glob)"+filepath.Join(folder, "**/*.yaml"))
	}
	return r.log(arguments...)
}

func (r *repository) log(arguments ...string) []change {
	told, err := exec.Command("git", append([]string{"-C", r.folder, "log", "--format=%H %ct"}, arguments...)...).Output()
	if err != nil {
		log.Fatalf("git log of %s: %v", r.folder, err)
	}
	var list []change
	for line := range strings.Lines(string(told)) {
		revision, seconds, _ := strings.Cut(strings.TrimSpace(line), " ")
		list = append(list, change{revision, time.Unix(number(seconds), 0)})
	}
	if len(list) == 0 {
		log.Fatalf("no commit of %s is found by git log %s", r.folder, arguments)
	}
	return list
}

// documents are the objects in the manifests of a folder, in the order of their files.
func (r *repository) documents(folder string) []object {
	files, err := filepath.Glob(filepath.Join(r.folder, folder, "*.yaml"))
	if err != nil {
		log.Fatal(err)
	}
	var list []object
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			log.Fatal(err)
		}
		for document := range strings.SplitSeq(string(content), "\n---\n") {
			var one object
			if err := yaml.Unmarshal([]byte(document), &one); err != nil {
				log.Fatalf("%s: %v", file, err)
			}
			if one != nil {
				list = append(list, one)
			}
		}
	}
	return list
}

// paths are the folders that an Application takes its manifests from.
func paths(app object) []string {
	spec := at(app, "spec")
	if sources, several := spec["sources"].([]any); several {
		var list []string
		for _, source := range sources {
			list = append(list, text(source.(object), "path"))
		}
		return list
	}
	return []string{text(app, "spec", "source", "path")}
}

func key(app object) string {
	return text(app, "metadata", "namespace") + "/" + text(app, "metadata", "name")
}

// at is the object at a place, made where it is missing.
func at(one object, place ...string) object {
	for _, name := range place {
		next, found := one[name].(object)
		if !found {
			next = object{}
			one[name] = next
		}
		one = next
	}
	return one
}

// text is the string at a place, or nothing.
func text(one object, place ...string) string {
	for _, name := range place[:len(place)-1] {
		next, found := one[name].(object)
		if !found {
			return ""
		}
		one = next
	}
	value, _ := one[place[len(place)-1]].(string)
	return value
}

func number(text string) int64 {
	value, _ := strconv.ParseInt(text, 10, 64)
	return value
}
