// SPDX-License-Identifier: Apache-2.0

package main

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// writeBill writes what a binary is made of, as the linker has noted it in the binary itself.
func (o options) writeBill(command string, platform *v1.Platform, binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	bill := o.bill(command, platform, info)
	file, err := os.Create(filepath.Join(o.out, billOf(command, platform)))
	if err != nil {
		return err
	}
	err = cdx.NewBOMEncoder(file, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bill)
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

func (o options) bill(command string, platform *v1.Platform, info *buildinfo.BuildInfo) *cdx.BOM {
	bill := cdx.NewBOM()
	main := module(info.Main.Path, o.version, cdx.ComponentTypeApplication)
	main.Name = "roster-" + command
	bill.Metadata = &cdx.Metadata{
		Timestamp: o.created.Format(time.RFC3339), Component: &main,
		Properties: &[]cdx.Property{{Name: "platform", Value: platform.String()}, {Name: "revision", Value: o.revision}},
	}
	version := strings.TrimPrefix(info.GoVersion, "go")
	components := []cdx.Component{module("std", version, cdx.ComponentTypeLibrary)}
	for _, dep := range info.Deps {
		if dep.Replace != nil {
			dep = dep.Replace
		}
		components = append(components, module(dep.Path, dep.Version, cdx.ComponentTypeLibrary))
	}
	bill.Components = &components
	needs := make([]string, len(components))
	for i, c := range components {
		needs[i] = c.BOMRef
	}
	bill.Dependencies = &[]cdx.Dependency{{Ref: main.BOMRef, Dependencies: &needs}}
	return bill
}

// module is a Go module, under the name that scanners know it by (package URL, type golang).
func module(path, version string, as cdx.ComponentType) cdx.Component {
	url := "pkg:golang/" + path + "@" + version
	return cdx.Component{BOMRef: url, Type: as, Name: path, Version: version, PackageURL: url}
}
