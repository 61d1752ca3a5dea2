// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// build makes the image of a command for all platforms, and writes the bill of materials of each.
func (o options) build(ctx context.Context, command string) (v1.ImageIndex, error) {
	authorities, err := authorities()
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "roster-images-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, name := range o.platforms {
		platform, err := v1.ParsePlatform(name)
		if err != nil {
			return nil, fmt.Errorf("--platforms: %q: %w", name, err)
		}
		binary := filepath.Join(work, strings.ReplaceAll(name, "/", "_"))
		if err := o.compile(ctx, command, platform, binary); err != nil {
			return nil, err
		}
		if err := o.writeBill(command, platform, binary); err != nil {
			return nil, err
		}
		image, err := o.assemble(command, platform, binary, authorities)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: platform}})
	}
	annotated, ok := mutate.Annotations(index, o.labels(command)).(v1.ImageIndex)
	if !ok {
		return nil, fmt.Errorf("an index with annotations is a %T", annotated)
	}
	return annotated, nil
}

// compile builds a static binary that does not depend on where it is built.
func (o options) compile(ctx context.Context, command string, platform *v1.Platform, out string) error {
	fmt.Fprintf(os.Stderr, "Building %s for %s\n", command, platform)
	args := []string{
		"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X github.com/prometheus/common/version.Version=" + o.version,
		"-o", out, "./cmd/" + command,
	}
	build := exec.CommandContext(ctx, "go", args...) //nolint:gosec // Version and paths are those of the person who builds.
	build.Dir, build.Stderr = o.root, os.Stderr
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Architecture)
	return build.Run()
}

// labels are those of the OCI image-spec.
func (o options) labels(command string) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":    "roster-" + command,
		"org.opencontainers.image.version":  o.version,
		"org.opencontainers.image.revision": o.revision,
		"org.opencontainers.image.source":   "https://github.com/roster-dev/roster",
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
}
