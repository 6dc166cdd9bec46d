package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The part of SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/) that says which Go modules a binary is made of.
type (
	document struct {
		Version       string         `json:"spdxVersion"`
		License       string         `json:"dataLicense"`
		ID            string         `json:"SPDXID"`
		Name          string         `json:"name"`
		Namespace     string         `json:"documentNamespace"`
		Creation      creation       `json:"creationInfo"`
		Packages      []pkg          `json:"packages"`
		Relationships []relationship `json:"relationships"`
	}
	creation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	pkg struct {
		ID               string      `json:"SPDXID"`
		Name             string      `json:"name"`
		Version          string      `json:"versionInfo,omitempty"`
		Purpose          string      `json:"primaryPackagePurpose,omitempty"`
		File             string      `json:"packageFileName,omitempty"`
		Download         string      `json:"downloadLocation"`
		FilesAnalyzed    bool        `json:"filesAnalyzed"`
		LicenseConcluded string      `json:"licenseConcluded"`
		LicenseDeclared  string      `json:"licenseDeclared"`
		Copyright        string      `json:"copyrightText"`
		Checksums        []checksum  `json:"checksums,omitempty"`
		References       []reference `json:"externalRefs,omitempty"`
		Comment          string      `json:"comment,omitempty"`
	}
	checksum struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"checksumValue"`
	}
	reference struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	relationship struct {
		From string `json:"spdxElementId"`
		Type string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

const noAssertion = "NOASSERTION"

// bomOf lists what a binary is made of, as the Go toolchain wrote it into the binary (go version -m), and what else
// is in its image.
func bomOf(name, version string, binary []byte, image v1.Image) ([]byte, error) {
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		return nil, fmt.Errorf("read what the binary is made of: %w", err)
	}
	digest, err := image.Digest()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(binary)
	program := newPackage("Binary", name, version)
	program.Purpose, program.File, program.LicenseDeclared = "APPLICATION", name, "Apache-2.0"
	program.Checksums = []checksum{{"SHA256", hex.EncodeToString(sum[:])}}
	program.References = purl(info.Main.Path, version)
	oci := newPackage("Image", name, version)
	oci.Purpose = "CONTAINER"
	oci.Checksums = []checksum{{"SHA256", digest.Hex}}
	roots := newPackage("Authorities", "Mozilla's certificate authorities", "")
	roots.Comment = "/etc/ssl/certs/ca-certificates.crt, from golang.org/x/crypto/x509roots/fallback"
	library := newPackage("Stdlib", "stdlib", strings.TrimPrefix(info.GoVersion, "go"))
	library.LicenseDeclared, library.References = "BSD-3-Clause", purl("stdlib", strings.TrimPrefix(info.GoVersion, "go"))
	bom := document{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: name + ":" + version,
		Namespace: "https://" + module + "/sbom/" + name + "-" + digest.Hex,
		Creation:  creation{Created: then.Format("2006-01-02T15:04:05Z"), Creators: []string{"Tool: kube-remedy-hack-images"}},
		Packages:  []pkg{oci, program, roots, library},
		Relationships: []relationship{
			{"SPDXRef-DOCUMENT", "DESCRIBES", oci.ID},
			{oci.ID, "CONTAINS", program.ID},
			{oci.ID, "CONTAINS", roots.ID},
			{program.ID, "DEPENDS_ON", library.ID},
		},
	}
	for _, dependency := range info.Deps {
		used := dependency
		if used.Replace != nil {
			used = used.Replace
		}
		listed := newPackage("Module-"+used.Path+"-"+used.Version, used.Path, used.Version)
		listed.References, listed.Comment = purl(used.Path, used.Version), "go.sum: "+used.Sum
		bom.Packages = append(bom.Packages, listed)
		bom.Relationships = append(bom.Relationships, relationship{program.ID, "DEPENDS_ON", listed.ID})
	}
	text, err := json.MarshalIndent(bom, "", "  ")
	return append(text, '\n'), err
}

// notInID is what an SPDX identifier can't have.
var notInID = regexp.MustCompile(`[^a-zA-Z0-9.-]+`)

func newPackage(id, name, version string) pkg {
	return pkg{
		ID: "SPDXRef-" + notInID.ReplaceAllString(id, "-"), Name: name, Version: version,
		Download: noAssertion, LicenseConcluded: noAssertion, LicenseDeclared: noAssertion, Copyright: noAssertion,
	}
}

// purl names a Go module as vulnerability databases do.
func purl(path, version string) []reference {
	return []reference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")}}
}
