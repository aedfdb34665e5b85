package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

const depth = 64

// parseObject reads one JSON object in UTF-8. encoding/json alone would take duplicate keys, keys in another case, and
// half characters, which other readers see differently.
func parseObject(data []byte) (map[string]any, error) {
	if !utf8.Valid(data) || !json.Valid(data) || hasLoneSurrogate(data) {
		return nil, badf("not one JSON object in UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	value, err := parseValue(decoder, 0)
	if err != nil {
		return nil, badf("not one JSON object: %v", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, badf("not a JSON object")
	}
	return object, nil
}

func parseValue(decoder *json.Decoder, within int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if within == depth {
		return nil, badf("it is nested too deeply")
	}
	if delim == '[' {
		list := []any{}
		for decoder.More() {
			value, err := parseValue(decoder, within+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err := decoder.Token()
		return list, err
	}
	object := map[string]any{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		if _, ok := object[name.(string)]; ok {
			return nil, badf("it has the key `%s` twice", name)
		}
		if object[name.(string)], err = parseValue(decoder, within+1); err != nil {
			return nil, err
		}
	}
	_, err = decoder.Token()
	return object, err
}

// hasLoneSurrogate looks at the escapes of valid JSON.
func hasLoneSurrogate(data []byte) bool {
	for at := 0; at < len(data); at++ {
		if data[at] != '\\' {
			continue
		}
		unit := escapedUnit(data[at:])
		switch {
		case unit < 0xd800 || unit > 0xdfff:
			at++
		case unit <= 0xdbff:
			if low := escapedUnit(data[at+6:]); low < 0xdc00 || low > 0xdfff {
				return true
			}
			at += 11
		default:
			return true
		}
	}
	return false
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
