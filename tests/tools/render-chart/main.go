// SPDX-License-Identifier: Apache-2.0

// render-chart CHART [NAME=VALUE...] makes the objects that `helm template` makes of a chart without
// subcharts: text/template with sprig's functions and helm's include and toYaml. For machines that have
// no helm, which Debian does not bring. render-chart - takes objects from standard input. Both print
// each object as one line of JSON with sorted keys, so that two sets can be compared.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/ghodss/yaml"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "render-chart:", err)
		os.Exit(1)
	}
}

func read(path string) map[string]interface{} {
	text, err := os.ReadFile(path)
	check(err)
	values := map[string]interface{}{}
	check(yaml.Unmarshal(text, &values))
	return values
}

// set does what helm's --set does with a dotted name; the value is YAML.
func set(values map[string]interface{}, word string) {
	name, text, _ := strings.Cut(word, "=")
	path := strings.Split(name, ".")
	for _, key := range path[:len(path)-1] {
		values = values[key].(map[string]interface{})
	}
	var value interface{}
	check(yaml.Unmarshal([]byte(text), &value))
	values[path[len(path)-1]] = value
}

func render(chart string, words []string) string {
	values := read(filepath.Join(chart, "values.yaml"))
	for _, word := range words {
		set(values, word)
	}
	data := map[string]interface{}{"Values": values, "Chart": read(filepath.Join(chart, "Chart.yaml"))}

	t := template.New("chart").Option("missingkey=error").Funcs(sprig.TxtFuncMap())
	t.Funcs(template.FuncMap{
		"include": func(name string, data interface{}) (string, error) {
			var out bytes.Buffer
			err := t.ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
		"toYaml": func(v interface{}) (string, error) {
			out, err := yaml.Marshal(v)
			return strings.TrimSuffix(string(out), "\n"), err
		},
	})
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*.*"))
	check(err)
	_, err = t.ParseFiles(files...)
	check(err)
	var out bytes.Buffer
	for _, file := range files {
		if filepath.Ext(file) == ".yaml" {
			out.WriteString("\n---\n")
			check(t.ExecuteTemplate(&out, filepath.Base(file), data))
		}
	}
	return out.String()
}

func main() {
	var objects string
	if os.Args[1] == "-" {
		text, err := io.ReadAll(os.Stdin)
		check(err)
		objects = string(text)
	} else {
		objects = render(os.Args[1], os.Args[2:])
	}
	for _, object := range strings.Split("\n"+objects, "\n---\n") {
		line, err := yaml.YAMLToJSON([]byte(object))
		check(err)
		if string(line) != "null" {
			fmt.Println(string(line))
		}
	}
}
