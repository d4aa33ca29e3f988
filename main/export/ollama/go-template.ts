import { MONTHS } from '../../domain/months.ts';
import type { DateForm, DatedText } from './dates.ts';
import { BLANKS, stepOf } from './prompt.ts';
import type { Before, Cut, Role, Step, Turns } from './turns.ts';

const BEFORES: readonly Before[] = ['', 'empty', 'system', 'user', 'assistant'];

/**
 * Turns as a template of Ollama's: of Go's text/template, with the messages in `.Messages`. All text is in quotes, so that no line end
 * of the template's own counts.
 */
export function goTemplate(turns: Turns): string {
  const used = new Set<string>();
  const roles = (['system', 'user', 'assistant'] as const).filter((role) => stepOf(turns, '', role) !== undefined);
  const branches = roles.map((role, index) => {
    const test = `{{- ${index === 0 ? 'if' : 'else if'} eq .Role "${role}" }}`;
    return `${test}\n${sayIt(turns, role, used)}\n`;
  });
  const body = [
    '{{- $before := "" }}',
    ...(turns.late_system ? [`{{- $late := ${goString(turns.late_default ?? '')} }}`] : []),
    '{{- range $index, $message := .Messages }}',
    ...branches,
    '{{- end }}',
    '{{- end }}',
    `{{- if eq $before "user" }}${written(turns.generation, used)}{{ end -}}`,
  ];
  return [...definitions(used), ...body].join('\n').replaceAll(/\n+/g, '\n');
}

/** What is written for a message of a role. */
function sayIt(turns: Turns, role: Role, used: Set<string>): string {
  if (role !== 'system') {
    const late = '{{- if and $late (eq (len (slice $.Messages $index)) 1) }}';
    const system = turns.late_system ? `${late}\n${shown(turns, 'system', '$late', used)}\n{{- end }}\n` : '';
    return system + shown(turns, role, '.Content', used);
  }
  const full = turns.late_system ? '' : shown(turns, role, '.Content', used);
  const kept = turns.late_system ? '{{- $late = .Content }}\n' : '';
  return `${kept}{{- if .Content }}\n${full}\n{{- else if eq $before "" }}{{ $before = "empty" }}{{ end }}`;
}

/** A step by what comes before it: the usual one last. */
function shown(turns: Turns, role: Role, content: string, used: Set<string>): string {
  const groups = new Map<string, Before[]>();
  for (const before of BEFORES.filter((one) => turns.steps[`${one}>${role}`] !== undefined)) {
    const text = stepText(stepOf(turns, before, role)!, content, used);
    groups.set(text, [...(groups.get(text) ?? []), before]);
  }
  // What stepOf takes for pairs that were not seen.
  const rest = stepText(stepOf(turns, role, role)!, content, used);
  groups.delete(rest);
  const cases = [...groups].map(
    ([text, befores], index) =>
      `{{- ${index === 0 ? 'if' : 'else if'} eq $before ${befores.map((one) => `"${one}"`).join(' ')} }}${text}`,
  );
  const last = cases.length === 0 ? `{{-${rest.slice(2)}` : `{{- else }}${rest}{{ end }}`;
  return [...cases, last, `{{- $before = "${role}" }}`].join('\n');
}

function stepText({ before, cut_start, cut_end }: Step, content: string, used: Set<string>): string {
  const isWhole = cut_start === 'nothing' && cut_end === 'nothing';
  const name = `cut_${cut_start}_${cut_end}`;
  if (!isWhole) used.add(name);
  return written(before, used) + (isWhole ? `{{ ${content} }}` : `{{ template "${name}" ${content} }}`);
}

function written(text: DatedText, used: Set<string>): string {
  return text
    .map((part) => {
      if (typeof part === 'string') return `{{ ${goString(part)} }}`;
      used.add(part.date);
      return `{{ template ${goString(part.date)} currentDate }}`;
    })
    .join('');
}

/** A string of Go's; what can't be seen is escaped, since a Modelfile's reader leaves it out. */
export function goString(text: string): string {
  const escaped = Array.from(text, (character) => {
    if (character === '"' || character === '\\') return `\\${character}`;
    if (character === '\n') return '\\n';
    if (/^[ \p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)) return character;
    const code = character.codePointAt(0)!;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
  });
  return `"${escaped.join('')}"`;
}

function definitions(used: ReadonlySet<string>): string[] {
  return [...used].flatMap((name) => {
    const [, start, end] = /^cut_(\w+?)_(\w+)$/.exec(name) ?? [];
    return start === undefined ? [dateDefinition(name as DateForm)] : cutDefinitions(name, start as Cut, end as Cut);
  });
}

/** Templates that call themselves with one blank less, since Go's have no way to cut a text. */
function cutDefinitions(name: string, start: Cut, end: Cut): string[] {
  const of = (what: Cut, bytes: 1 | 2 | 3) =>
    Array.from(what === 'blanks' ? BLANKS[bytes] : bytes === 1 ? '\n' : '', (one) => goString(one));
  const first = ([1, 2, 3] as const).flatMap((bytes) => of(start, bytes)).join(' ');
  const finished = end === 'nothing' ? '{{ . }}' : `{{ template "${name}_end" . }}`;
  const begin =
    start === 'nothing'
      ? finished
      : `{{ $one := printf "%.1s" . }}{{ if eq $one ${first} }}{{ template "${name}" (slice . (len $one)) }}{{ else }}${finished}{{ end }}`;
  const out = [`{{- define "${name}" }}${begin}{{ end }}`];
  if (end !== 'nothing') {
    const tests = ([1, 2, 3] as const)
      .filter((bytes) => of(end, bytes).length > 0)
      .map(
        (bytes) =>
          `{{ if ge (len .) ${bytes} }}{{ $one := slice . (len (slice . ${bytes})) }}` +
          `{{ if eq $one ${of(end, bytes).join(' ')} }}{{ $cut = $one }}{{ end }}{{ end }}`,
      );
    out.push(
      `{{- define "${name}_end" }}{{ $cut := "" }}${tests.join('')}` +
        `{{ if $cut }}{{ template "${name}_end" (slice . 0 (len (slice . (len $cut)))) }}{{ else }}{{ . }}{{ end }}{{ end }}`,
    );
  }
  return out;
}

/** A form of the day, made of one like 2031-11-23. */
function dateDefinition(form: DateForm): string {
  const month = (length: number) =>
    MONTHS.map((name, index) => {
      const number = String(index + 1).padStart(2, '0');
      return `{{ ${index === 0 ? 'if' : 'else if'} eq (slice . 5 7) "${number}" }}${name.slice(0, length)}`;
    }).join('') + '{{ end }}';
  const parts: Record<string, string> = {
    Y: '{{ slice . 0 4 }}',
    m: '{{ slice . 5 7 }}',
    d: '{{ slice . 8 10 }}',
    b: month(3),
    B: month(20),
  };
  return `{{- define ${goString(form)} }}${form.replaceAll(/%([YmdbB])/g, (_, what: string) => parts[what]!)}{{ end }}`;
}
