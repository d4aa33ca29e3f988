// Renders conversations as Ollama does with the Modelfiles that Forja writes: by its own parser and template package.
//
// Reads {"today", "names", "cases": [{"modelfile", "conversations"}]} and writes {"ollama", "names", "cases": [{"stop", "prompts"}]}.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"text/template"

	"github.com/ollama/ollama/api"
	"github.com/ollama/ollama/parser"
	ollama "github.com/ollama/ollama/template"
	"github.com/ollama/ollama/types/model"
)

type input struct {
	Today string   `json:"today"`
	Names []string `json:"names"`
	Cases []struct {
		Modelfile     string          `json:"modelfile"`
		Conversations [][]api.Message `json:"conversations"`
	} `json:"cases"`
}

type rendered struct {
	Stop    string   `json:"stop"`
	Prompts []string `json:"prompts"`
}

type output struct {
	Ollama string     `json:"ollama"`
	Names  []bool     `json:"names"`
	Cases  []rendered `json:"cases"`
}

func main() {
	var in input
	must(json.NewDecoder(os.Stdin).Decode(&in))
	out := output{Ollama: version()}
	for _, name := range in.Names {
		out.Names = append(out.Names, model.ParseName(name).IsValid())
	}
	for _, c := range in.Cases {
		out.Cases = append(out.Cases, render(c.Modelfile, c.Conversations, in.Today))
	}
	must(json.NewEncoder(os.Stdout).Encode(out))
}

func render(text string, conversations [][]api.Message, today string) rendered {
	file, err := parser.ParseFile(strings.NewReader(text))
	must(err)
	var out rendered
	var source, system string
	for _, command := range file.Commands {
		switch command.Name {
		case "template":
			source = command.Args
		case "system":
			system = command.Args
		case "stop":
			out.Stop = command.Args
		}
	}
	tmpl, err := ollama.Parse(source)
	must(err)
	// The day is given, so that the results stay the same.
	tmpl.Funcs(template.FuncMap{"currentDate": func(...string) string { return today }})
	for _, messages := range conversations {
		// As the server does (ChatHandler in server/routes.go).
		if system != "" && messages[0].Role != "system" {
			messages = append([]api.Message{{Role: "system", Content: system}}, messages...)
		}
		var b strings.Builder
		must(tmpl.Execute(&b, ollama.Values{Messages: messages}))
		out.Prompts = append(out.Prompts, b.String())
	}
	return out
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Path == "github.com/ollama/ollama" {
			return dep.Version
		}
	}
	return ""
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
