package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
)

// What the OCI image specification calls a descriptor, a manifest, a config: as much of them as containerd asks for.
type object map[string]any

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

func descriptor(kind string, content []byte) object {
	return object{"mediaType": "application/vnd.oci.image." + kind, "digest": digest(content), "size": len(content)}
}

// write puts the image together and returns the digest of its manifest.
func write(out, name, user, entry string, layer []byte) (string, error) {
	running := object{"User": user, "Env": []string{"PATH=/usr/local/bin:/usr/bin:/bin:/sbin"}}
	if entry != "" {
		running["Entrypoint"] = []string{entry}
	}
	config := encode(object{
		"architecture": runtime.GOARCH, "os": "linux", "config": running,
		"rootfs": object{"type": "layers", "diff_ids": []string{digest(layer)}},
	})
	manifest := encode(object{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": descriptor("config.v1+json", config), "layers": []object{descriptor("layer.v1.tar", layer)},
	})
	listed := descriptor("manifest.v1+json", manifest)
	listed["platform"] = object{"architecture": runtime.GOARCH, "os": "linux"}
	listed["annotations"] = object{"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
	index := encode(object{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []object{listed}})

	file, err := os.Create(out)
	if err != nil {
		return "", err
	}
	defer file.Close()
	archive := tar.NewWriter(file)
	put := func(name string, content []byte) {
		if err == nil {
			err = archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644})
		}
		if err == nil {
			_, err = archive.Write(content)
		}
	}
	put("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	put("index.json", index)
	for _, blob := range [][]byte{config, manifest, layer} {
		put("blobs/sha256/"+digest(blob)[len("sha256:"):], blob)
	}
	if err == nil {
		err = archive.Close()
	}
	return digest(manifest), err
}

func encode(value object) []byte {
	content, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return content
}
