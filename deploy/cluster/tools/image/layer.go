package main

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"log"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A layer is a tar in memory; folders above an entry come by themselves.
type layer struct {
	buffer bytes.Buffer
	tar    *tar.Writer
	seen   map[string]bool
}

func newLayer() *layer {
	l := &layer{seen: map[string]bool{}}
	l.tar = tar.NewWriter(&l.buffer)
	return l
}

func (l *layer) entry(header tar.Header, content []byte) {
	header.Name = strings.Trim(header.Name, "/")
	if l.seen[header.Name] {
		return
	}
	l.seen[header.Name] = true
	if above := path.Dir(header.Name); above != "." {
		l.folder(above, 0o755)
	}
	header.Size = int64(len(content))
	if err := l.tar.WriteHeader(&header); err != nil {
		log.Fatal(err)
	}
	if _, err := l.tar.Write(content); err != nil {
		log.Fatal(err)
	}
}

func (l *layer) folder(name string, mode int64) {
	l.entry(tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}, nil)
}

// Everybody may read it, and run it where it can be run.
func (l *layer) file(from, to string) {
	found, err := os.Stat(from)
	if err != nil {
		log.Fatal(err)
	}
	mode := int64(0o644)
	if found.Mode()&0o111 != 0 {
		mode = 0o755
	}
	l.entry(tar.Header{Typeflag: tar.TypeReg, Name: to, Mode: mode}, read(from))
}

// All files below a folder, in the order of their names.
func (l *layer) tree(from, to string) error {
	return filepath.WalkDir(from, func(name string, found fs.DirEntry, err error) error {
		if err != nil || found.IsDir() {
			return err
		}
		below, err := filepath.Rel(from, name)
		if err == nil {
			l.file(name, path.Join(to, filepath.ToSlash(below)))
		}
		return err
	})
}

func (l *layer) text(name, content string) {
	l.entry(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, []byte(content))
}

func (l *layer) link(name, target string) {
	l.entry(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
}

func (l *layer) close() []byte {
	if err := l.tar.Close(); err != nil {
		log.Fatal(err)
	}
	return l.buffer.Bytes()
}
