package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// most is where Go's reference can no longer count: it does not end for a larger tree.
const most = int64(1) << 62

var (
	decimal   = regexp.MustCompile(`^(0|[1-9][0-9]{0,18})$`)
	lowerHex  = regexp.MustCompile(`^[0-9a-f]{8}$`)
	emptyRoot = tlog.Hash(sha256.Sum256(nil))
)

// unbase64 takes the one canonical spelling. The reference is more lenient, so that bits of a file could be changed
// without any effect.
func unbase64(text string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(data) != text {
		return nil, badf("it is not canonical base64")
	}
	return data, nil
}

func parseHash(text string) (tlog.Hash, error) {
	if _, err := unbase64(text); err != nil {
		return tlog.Hash{}, err
	}
	hash, err := tlog.ParseHash(text)
	if err != nil {
		return tlog.Hash{}, badf("%v", err)
	}
	return hash, nil
}

// parseNumber takes decimal digits without sign or leading zeros.
func parseNumber(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if !decimal.MatchString(text) || err != nil || n > most {
		return 0, badf("`%.30s` is not a size in plain decimal digits", text)
	}
	return n, nil
}

// key remembers the text that a verifier was read from.
type key struct {
	note.Verifier
	vkey string
}

func (k *key) id() string { return hex.EncodeToString(binary.BigEndian.AppendUint32(nil, k.KeyHash())) }

func parseVkey(vkey string) (*key, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, badf("%v", err)
	}
	parts := strings.SplitN(vkey, "+", 3)
	if _, err := unbase64(parts[2]); err != nil {
		return nil, err
	}
	if !lowerHex.MatchString(parts[1]) {
		return nil, badf("the id of a verifier key is written in lower case")
	}
	return &key{verifier, vkey}, nil
}

func verifiers(keys []note.Verifier) note.Verifiers {
	unique := map[string]note.Verifier{}
	for _, k := range keys {
		unique[k.(*key).vkey] = k
	}
	list := make([]note.Verifier, 0, len(unique))
	for _, k := range unique {
		list = append(list, k)
	}
	return note.VerifierList(list...)
}

// openNote lets the reference decide, and adds where it is lenient: base64 in its canonical spelling, and every line
// of a known key right, not only the first. signer is nil where none of the keys signed.
func openNote(msg []byte, keys []note.Verifier) (text string, signer note.Verifier, err error) {
	known := verifiers(keys)
	opened, err := note.Open(msg, known)
	if unverified, ok := err.(*note.UnverifiedNoteError); ok {
		opened, err = unverified.Note, nil
	}
	if err != nil {
		return "", nil, badf("%v", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(msg[len(opened.Text)+1:]), "\n"), "\n")
	for _, line := range lines {
		name, encoded, _ := strings.Cut(strings.TrimPrefix(line, "— "), " ")
		data, err := unbase64(encoded)
		if err != nil {
			return "", nil, badf("a signature of the note: %v", err)
		}
		verifier, err := known.Verifier(name, binary.BigEndian.Uint32(data))
		if err != nil {
			continue
		}
		if !verifier.Verify([]byte(opened.Text), data[4:]) {
			return "", nil, badf("the signature of key %s over the note is wrong", verifier.(*key).id())
		}
		if signer == nil {
			signer = verifier
		}
	}
	if (signer == nil) != (len(opened.Sigs) == 0) {
		return "", nil, badf("the reference and the reading of its lines disagree about who signed")
	}
	return opened.Text, signer, nil
}

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

// parseCheckpoint reads the text of a note; further lines are allowed and mean nothing.
func parseCheckpoint(text string) (checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return checkpoint{}, badf("a checkpoint has three lines at least")
	}
	for _, line := range lines[:len(lines)-1] {
		if line == "" {
			return checkpoint{}, badf("a checkpoint has no empty lines")
		}
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return checkpoint{}, badf("the root of the checkpoint is malformed: %v", err)
	}
	size, err := parseNumber(lines[1])
	if err != nil {
		return checkpoint{}, err
	}
	return checkpoint{lines[0], size, root}, nil
}

func checkpointText(origin string, size int64, root tlog.Hash) []byte {
	return []byte(origin + "\n" + strconv.FormatInt(size, 10) + "\n" + root.String() + "\n")
}

// openCheckpoint wants a note whose first line names the key that signed it.
func openCheckpoint(msg []byte, keys []note.Verifier) (checkpoint, note.Verifier, error) {
	text, signer, err := openNote(msg, keys)
	if err != nil {
		return checkpoint{}, nil, err
	}
	if signer == nil {
		return checkpoint{}, nil, badf("none of the keys that may sign it signed the checkpoint")
	}
	c, err := parseCheckpoint(text)
	if err != nil {
		return checkpoint{}, nil, err
	}
	if c.origin != signer.Name() {
		return checkpoint{}, nil, badf("the checkpoint is of `%s` and signed by `%s`", c.origin, signer.Name())
	}
	return c, signer, nil
}

// claimed is the checkpoint of a note that nobody's signature was looked for in.
func claimed(msg []byte) (checkpoint, error) {
	text, _, err := openNote(msg, nil)
	if err != nil {
		return checkpoint{}, err
	}
	return parseCheckpoint(text)
}

func sameKey(a, b note.Verifier) bool {
	return a.(*key).vkey == b.(*key).vkey
}
