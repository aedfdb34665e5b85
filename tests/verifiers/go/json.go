package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"unicode/utf8"
)

const depth = 64

// parseObject reads one JSON object in UTF-8. encoding/json alone would take duplicate keys and half characters, which
// other readers see differently.
func parseObject(data []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil || object == nil {
		return nil, badf("not one JSON object")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, badf("not one JSON object, but something behind it")
	}
	found, ok := scan(data)
	if !utf8.Valid(data) || !ok {
		return nil, badf("the JSON object has half characters in it, or is nested too deeply")
	}
	if found != members(object) {
		return nil, badf("the JSON object has a key twice")
	}
	return object, nil
}

// members counts those of a value and of all values in it.
func members(value any) int {
	count := 0
	switch value := value.(type) {
	case map[string]any:
		count = len(value)
		for _, member := range value {
			count += members(member)
		}
	case []any:
		for _, member := range value {
			count += members(member)
		}
	}
	return count
}

// scan counts the members that valid JSON was written with. Not ok: nested too deeply, or a surrogate without the
// other.
func scan(data []byte) (count int, ok bool) {
	within, isText := 0, false
	for at := 0; at < len(data); at++ {
		switch c := data[at]; {
		case c == '"':
			isText = !isText
		case c == '\\':
			length := escape(data[at:])
			if length == 0 {
				return 0, false
			}
			at += length - 1
		case isText:
		case c == ':':
			count++
		case c == '{' || c == '[':
			if within++; within > depth {
				return 0, false
			}
		case c == '}' || c == ']':
			within--
		}
	}
	return count, true
}

// escape is the length of the escape that data begins with, a pair of surrogates being one; 0 for a surrogate alone.
func escape(data []byte) int {
	unit := escapedUnit(data)
	switch {
	case unit < 0:
		return 2
	case unit < 0xd800 || unit > 0xdfff:
		return 6
	}
	if low := escapedUnit(data[6:]); unit > 0xdbff || low < 0xdc00 || low > 0xdfff {
		return 0
	}
	return 12
}

// escapedUnit is the number of a \uXXXX at the beginning, or -1.
func escapedUnit(data []byte) int64 {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseInt(string(data[2:6]), 16, 32)
	if err != nil {
		return -1
	}
	return unit
}
