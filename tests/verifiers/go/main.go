// Command tlog-verify verifies tiled transparency logs and their proofs with Go's reference implementation,
// golang.org/x/mod/sumdb/{tlog,note}. What is here reads files and asks it; hashes, proofs and signatures are its own.
//
// Exit codes: 0 verified, 7 not verified, 2 the question cannot be put (arguments, files that cannot be read).
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const (
	verified    = 0
	notVerified = 7
	usage       = 2
)

// bad is something that does not verify. index is the first entry that is thereby not proved, or none.
type bad struct {
	reason string
	index  int64
}

const none = int64(-1)

func (b *bad) Error() string { return b.reason }

func badf(format string, args ...any) *bad { return &bad{fmt.Sprintf(format, args...), none} }

func badAt(index int64, format string, args ...any) *bad {
	return &bad{fmt.Sprintf(format, args...), index}
}

// unusable is what was given on the command line and cannot be used.
type unusable struct{ reason string }

func (u *unusable) Error() string { return u.reason }

type texts []string

func (t *texts) String() string     { return strings.Join(*t, " ") }
func (t *texts) Set(s string) error { *t = append(*t, s); return nil }

type arguments struct {
	command string
	keys    texts
	asJSON  bool
	quick   bool
	atLeast string
	rest    []string
}

// parse takes options before and behind the other arguments, as the Python verifier does.
func parse(args []string) (*arguments, error) {
	if len(args) == 0 {
		return nil, &unusable{"say what to verify: log, inclusion, consistency or vectors"}
	}
	a := &arguments{command: args[0]}
	flags := flag.NewFlagSet(a.command, flag.ContinueOnError)
	flags.BoolVar(&a.asJSON, "json", false, "one JSON object a result")
	if a.command != "vectors" {
		flags.Var(&a.keys, "key", "a file with a verifier key that you trust; may be given again")
	}
	if a.command == "log" {
		flags.StringVar(&a.atLeast, "at-least", "", "a checkpoint that the log must still be a continuation of")
		flags.BoolVar(&a.quick, "quick", false,
			"of `checkpoints.log` check the roots, and signatures only where keys change")
	}
	for args = args[1:]; len(args) > 0; {
		if err := flags.Parse(args); err != nil {
			return nil, &unusable{err.Error()}
		}
		if args = flags.Args(); len(args) > 0 {
			a.rest, args = append(a.rest, args[0]), args[1:]
		}
	}
	if a.command != "vectors" && len(a.keys) == 0 {
		return nil, &unusable{"give the key that you trust: --key LOG.vkey"}
	}
	if len(a.rest) == 0 {
		return nil, &unusable{"give the log's directory, the proof or the vectors"}
	}
	return a, nil
}

func (a *arguments) run() (bool, error) {
	switch a.command {
	case "log":
		return a.logs()
	case "inclusion":
		return a.proof(verifyInclusion)
	case "consistency":
		return a.proof(verifyConsistency)
	case "vectors":
		return a.vectors()
	}
	return false, &unusable{fmt.Sprintf("`%s` is not known: log, inclusion, consistency or vectors", a.command)}
}

func read(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &unusable{err.Error()}
	}
	return data, nil
}

func (a *arguments) trusted() ([]note.Verifier, error) {
	var keys []note.Verifier
	for _, path := range a.keys {
		data, err := read(path)
		if err != nil {
			return nil, err
		}
		key, err := parseVkey(strings.Trim(string(data), " \t\r\n"))
		if err != nil {
			return nil, &unusable{fmt.Sprintf("`%s` holds no verifier key: %v", path, err)}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// result is what is shown, of a log or of a proof.
type result struct {
	Command       string           `json:"command"`
	Verified      bool             `json:"verified"`
	Reason        *string          `json:"reason"`
	FirstBadIndex *int64           `json:"first_bad_index"`
	Origin        *string          `json:"origin"`
	Size          *int64           `json:"size"`
	Root          *string          `json:"root"`
	Index         *int64           `json:"index,omitempty"`
	Entry         *string          `json:"entry,omitempty"`
	OldSize       *int64           `json:"old_size,omitempty"`
	OldRoot       *string          `json:"old_root,omitempty"`
	Key           *string          `json:"key,omitempty"`
	Signatures    *int             `json:"signatures,omitempty"`
	Rotations     *int             `json:"rotations,omitempty"`
	NewerFiles    *int             `json:"newer_files,omitempty"`
	Records       map[string]int64 `json:"records,omitempty"`
}

func (r *result) of(c checkpoint) {
	root := c.root.String()
	r.Origin, r.Size, r.Root = &c.origin, &c.size, &root
}

// conclude takes an error of verifying into the result; any other is handed back.
func (r *result) conclude(err error) error {
	var b *bad
	if err == nil {
		r.Verified = true
		return nil
	}
	if !errors.As(err, &b) {
		return err
	}
	r.Verified, r.Reason = false, &b.reason
	if b.index != none {
		r.FirstBadIndex = &b.index
	}
	return nil
}

func (r *result) show(asJSON bool, subject string) {
	switch {
	case asJSON:
		printJSON(r)
	case r.Verified:
		fmt.Printf("verified: %s: %s, %d entries, root %s\n", subject, *r.Origin, *r.Size, *r.Root)
	case r.FirstBadIndex != nil:
		fmt.Printf("NOT VERIFIED: %s: %s (first bad index %d)\n", subject, *r.Reason, *r.FirstBadIndex)
	default:
		fmt.Printf("NOT VERIFIED: %s: %s\n", subject, *r.Reason)
	}
	if !asJSON && r.NewerFiles != nil && *r.NewerFiles > 0 {
		fmt.Printf("  %d files are of a larger tree than the checkpoint's, which does not cover them\n",
			*r.NewerFiles)
	}
}

func printJSON(value any) {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		fmt.Fprintln(os.Stderr, "tlog-verify:", err)
		os.Exit(usage)
	}
}

func (a *arguments) logs() (bool, error) {
	keys, err := a.trusted()
	if err != nil {
		return false, err
	}
	options := logOptions{keys: keys, quick: a.quick}
	if a.atLeast != "" {
		if options.atLeast, err = read(a.atLeast); err != nil {
			return false, err
		}
	}
	for _, directory := range a.rest {
		if info, err := os.Stat(directory); err != nil || !info.IsDir() {
			return false, &unusable{fmt.Sprintf("`%s` is not a directory", directory)}
		}
	}
	all := true
	for _, directory := range a.rest {
		r, err := verifyLog(directory, options)
		if err != nil {
			return false, err
		}
		r.show(a.asJSON, directory)
		all = all && r.Verified
	}
	return all, nil
}

func (a *arguments) proof(check func([]byte, []note.Verifier, *result) error) (bool, error) {
	if len(a.rest) != 1 {
		return false, &unusable{"give one proof"}
	}
	keys, err := a.trusted()
	if err != nil {
		return false, err
	}
	data, err := read(a.rest[0])
	if err != nil {
		return false, err
	}
	r := &result{Command: a.command}
	if err := r.conclude(check(data, keys, r)); err != nil {
		return false, err
	}
	r.show(a.asJSON, a.rest[0])
	return r.Verified, nil
}

func main() {
	a, err := parse(os.Args[1:])
	ok := false
	if err == nil {
		ok, err = a.run()
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "tlog-verify:", err)
		os.Exit(usage)
	case !ok:
		os.Exit(notVerified)
	}
	os.Exit(verified)
}
