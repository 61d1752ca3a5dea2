// SPDX-License-Identifier: Apache-2.0

// Command images builds the images of manager and portal for several platforms without a daemon, writes them as an OCI image layout with a
// bill of materials (CycloneDX) for each, and pushes them if it is told where to. The same source gives the same digests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func main() {
	o := options{}
	platforms, created := "", int64(0)
	flag.StringVar(&o.root, "root", ".", "The top folder of the project.")
	flag.StringVar(&o.out, "out", "", "The folder to write into. What is there is replaced.")
	flag.StringVar(&o.version, "version", "", "The version, such as v0.1.0.")
	flag.StringVar(&o.revision, "revision", "", "The commit.")
	flag.Int64Var(&created, "created", 0, "When the commit was made, in seconds since 1970.")
	flag.StringVar(&platforms, "platforms", "linux/amd64,linux/arm64", "What to build for.")
	flag.StringVar(&o.push, "push", "", "Where to push to, such as registry.example.com/acme: as roster-manager and roster-portal.")
	flag.Parse()
	o.created, o.platforms = time.Unix(created, 0).UTC(), strings.Split(platforms, ",")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// options are what to build and where it goes.
type options struct {
	root, out         string
	version, revision string
	created           time.Time
	platforms         []string
	push              string
}

// commands are what there are images of, called roster-COMMAND.
func commands() []string { return []string{"manager", "portal"} }

func run(ctx context.Context, o options) error {
	if o.out == "" || o.version == "" {
		return errors.New("--out and --version are required")
	}
	if err := os.RemoveAll(o.out); err != nil {
		return err
	}
	path, err := layout.Write(filepath.Join(o.out, "oci"), empty.Index)
	if err != nil {
		return err
	}
	for _, command := range commands() {
		image := "roster-" + command
		index, err := o.build(ctx, command)
		if err != nil {
			return fmt.Errorf("%s: %w", image, err)
		}
		// What tools call an image of a layout (OCI image-spec, annotations).
		named := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": image + ":" + o.version})
		if err := path.AppendIndex(index, named); err != nil {
			return err
		}
		if err := o.deliver(ctx, image, index); err != nil {
			return fmt.Errorf("%s: %w", image, err)
		}
	}
	return nil
}

// deliver notes the digest, and pushes the image.
func (o options) deliver(ctx context.Context, image string, index v1.ImageIndex) error {
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	// Other steps of a release look for it there.
	if err := os.WriteFile(filepath.Join(o.out, image+".digest"), []byte(digest.String()+"\n"), 0o600); err != nil {
		return err
	}
	if o.push == "" {
		fmt.Println(image + "@" + digest.String())
		return nil
	}
	tag, err := name.NewTag(o.push + "/" + image + ":" + o.version)
	if err != nil {
		return fmt.Errorf("--push %s: %w", o.push, err)
	}
	if err := remote.WriteIndex(tag, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return err
	}
	fmt.Println(tag.Context().Digest(digest.String()).String())
	return nil
}

// billOf is the name of the bill of materials of an image for one platform.
func billOf(command string, platform *v1.Platform) string {
	return "roster-" + command + "_" + platform.OS + "_" + platform.Architecture + ".cdx.json"
}
