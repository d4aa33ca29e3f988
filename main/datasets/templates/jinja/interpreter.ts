/**
 * Runs a parsed template as jinja2 does in the sandbox that transformers sets up. The library's own interpreter differs in some
 * hundred places (what a strip takes off, what None prints, what a loop keeps of an earlier turn …), most of them without a word;
 * a comparison with jinja2's own results tells where this one does (jinja2.test.ts).
 */
import { attribute, item } from './access.ts';
import { runFilter } from './filters.ts';
import { loopVariable } from './globals.ts';
import type { Limits } from './limits.ts';
import { binary, unary } from './operators.ts';
import { str } from './printing.ts';
import { TEST_FILTER, type Node, type Program } from './syntax.ts';
import { runTest } from './tests.ts';
import { sliceOf } from './text-methods.ts';
import {
  Callable,
  Float,
  iterate,
  Namespace,
  plain,
  TemplateError,
  truth,
  Tuple,
  tupleOf,
  typeName,
  Undefined,
  type Kwargs,
  type Value,
} from './values.ts';

/** Names and what they stand for; an inner scope sees the outer ones and sets its own. */
class Scope {
  private readonly names: Map<string, Value>;
  private readonly outer: Scope | null;

  constructor(outer: Scope | null, names = new Map<string, Value>()) {
    this.outer = outer;
    this.names = names;
  }

  get(name: string): Value {
    const value = this.names.get(name);
    if (value !== undefined) return value;
    return this.outer === null ? new Undefined(`'${name}' is undefined`) : this.outer.get(name);
  }

  set(name: string, value: Value): void {
    this.names.set(name, value);
  }
}

/** What a stretch of statements ended with. */
type End = 'break' | 'continue' | undefined;

/**
 * @param names what the template is given, over what it may call
 * @param limits what it may do
 * @throws TemplateError
 */
export function runTemplate(program: Program, names: ReadonlyMap<string, Value>, limits: Limits): string {
  return new Run(limits).text((program as Node).body ?? [], new Scope(null, new Map(names)));
}

class Run {
  private readonly limits: Limits;
  private out: string[] = [];

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /** What statements print. */
  text(body: readonly Node[], scope: Scope): string {
    const outer = this.out;
    this.out = [];
    try {
      this.block(body, scope);
      const text = this.out.join('');
      this.limits.count(text);
      return text;
    } finally {
      this.out = outer;
    }
  }

  private print(text: string): void {
    this.limits.count(text);
    this.out.push(text);
  }

  private block(body: readonly Node[], scope: Scope): End {
    for (const node of body) {
      const end = this.statement(node, scope);
      if (end !== undefined) return end;
    }
    return undefined;
  }

  private statement(node: Node, scope: Scope): End {
    this.limits.spend(1);
    switch (node.type) {
      case 'Comment':
        return undefined;
      case 'Set':
        this.assign(
          node.assignee!,
          node.value ? this.evaluate(node.value as Node, scope) : this.text(node.body!, new Scope(scope)),
          scope,
        );
        return undefined;
      case 'If':
        return this.block(truth(this.evaluate(node.test!, scope)) ? node.body! : node.alternate!, scope);
      case 'For':
        this.loop(node, scope);
        return undefined;
      case 'Macro':
        scope.set(node.name!.value as string, this.macro(node.name!.value as string, node.args!, node.body!, scope));
        return undefined;
      case 'CallStatement': {
        const caller = this.macro('caller', node.callerArgs ?? [], node.body!, scope);
        this.print(str(this.call(node.call!, scope, caller)));
        return undefined;
      }
      case 'FilterStatement':
        this.print(str(this.filter(node.filter!, this.text(node.body!, new Scope(scope)), scope)));
        return undefined;
      case 'Break':
        return 'break';
      case 'Continue':
        return 'continue';
      default:
        this.print(str(this.evaluate(node, scope)));
        return undefined;
    }
  }

  private assign(target: Node, value: Value, scope: Scope): void {
    if (target.type === 'Identifier') {
      scope.set(target.value as string, value);
    } else if (target.type === 'TupleLiteral') {
      const names = target.value as Node[];
      const values = iterate(value);
      if (values.length !== names.length)
        throw new TemplateError(
          values.length > names.length
            ? `too many values to unpack (expected ${names.length})`
            : `not enough values to unpack (expected ${names.length}, got ${values.length})`,
        );
      names.forEach((name, index) => this.assign(name, values[index]!, scope));
    } else if (target.type === 'MemberExpression' && !target.computed) {
      const object = this.evaluate(target.object!, scope);
      if (!(object instanceof Namespace)) throw new TemplateError('cannot assign attribute on non-namespace object');
      object.values.set(target.property!.value as string, value);
    } else {
      throw new TemplateError('This is nothing that a value can be given to.');
    }
  }

  private loop(node: Node, scope: Scope): void {
    const chosen = node.iterable!.type === 'SelectExpression' ? node.iterable! : null;
    let items = iterate(this.evaluate(chosen?.lhs ?? node.iterable!, scope));
    if (chosen !== null)
      items = items.filter((value) => {
        const inner = new Scope(scope);
        this.assign(node.loopvar!, value, inner);
        return truth(this.evaluate(chosen.test!, inner));
      });
    const seen: { changed?: Value[] } = {};
    for (let index = 0; index < items.length; index++) {
      // A turn costs more than a step even where its body is empty.
      this.limits.spend(2);
      const inner = new Scope(scope);
      inner.set('loop', loopVariable(items, index, seen));
      this.assign(node.loopvar!, items[index]!, inner);
      if (this.block(node.body!, inner) === 'break') break;
    }
    if (items.length === 0) this.block(node.defaultBlock!, new Scope(scope));
  }

  private macro(name: string, parameters: readonly Node[], body: readonly Node[], scope: Scope): Callable {
    return new Callable(name, (args, kwargs) => {
      const inner = new Scope(scope);
      const rest = new Map(kwargs);
      const caller = rest.get('caller');
      rest.delete('caller');
      if (caller !== undefined) inner.set('caller', caller);
      const later: [string, Node][] = [];
      parameters.forEach((parameter, index) => {
        const isPlain = parameter.type === 'Identifier';
        const key = (isPlain ? parameter.value : parameter.key!.value) as string;
        const value = index < args.length ? args[index] : rest.get(key);
        if (index >= args.length) rest.delete(key);
        if (value === undefined && !isPlain) later.push([key, parameter.value as Node]);
        inner.set(key, value === undefined ? new Undefined(`parameter '${key}' was not provided`) : value);
      });
      for (const [key, value] of later) inner.set(key, this.evaluate(value, inner));
      const takes = (special: string) => mentions(body, special);
      if (args.length > parameters.length && !takes('varargs'))
        throw new TemplateError(`macro '${name}' takes not more than ${parameters.length} argument(s)`);
      if (rest.size > 0 && !takes('kwargs'))
        throw new TemplateError(`macro '${name}' takes no keyword argument '${[...rest.keys()][0]}'`);
      inner.set('varargs', tupleOf(...args.slice(parameters.length)));
      inner.set('kwargs', new Map<Value, Value>(rest));
      return this.text(body, inner);
    });
  }

  private evaluate(node: Node, scope: Scope): Value {
    this.limits.spend(1);
    return this.limits.count(this.valueOf(node, scope));
  }

  private valueOf(node: Node, scope: Scope): Value {
    switch (node.type) {
      case 'StringLiteral':
      case 'IntegerLiteral':
        return node.value as string | number;
      case 'FloatLiteral':
        return new Float(node.value as number);
      case 'ArrayLiteral':
        return (node.value as Node[]).map((one) => this.evaluate(one, scope));
      case 'TupleLiteral':
        return tupleOf(...(node.value as Node[]).map((one) => this.evaluate(one, scope)));
      case 'ObjectLiteral':
        return new Map(
          [...(node.value as Map<Node, Node>)].map(([key, value]) => [
            this.evaluate(key, scope),
            this.evaluate(value, scope),
          ]),
        );
      case 'Identifier':
        return identifier(node.value as string, scope);
      case 'MemberExpression':
        return this.member(node, scope);
      case 'CallExpression':
        return this.call(node, scope);
      case 'FilterExpression':
        return this.filter(node.filter!, this.evaluate(node.operand!, scope), scope);
      case 'TestExpression':
        return runTest(node.test!.value as string, this.evaluate(node.operand!, scope), []) !== node.negate;
      case 'UnaryExpression':
        return unary(node.operator!.value, this.evaluate(node.argument!, scope));
      case 'BinaryExpression': {
        const left = this.evaluate(node.left!, scope);
        const operator = node.operator!.value;
        if (operator === 'and') return truth(left) ? this.evaluate(node.right!, scope) : left;
        if (operator === 'or') return truth(left) ? left : this.evaluate(node.right!, scope);
        return binary(operator, left, this.evaluate(node.right!, scope));
      }
      case 'Ternary':
        return this.evaluate(truth(this.evaluate(node.condition!, scope)) ? node.trueExpr! : node.falseExpr!, scope);
      case 'SelectExpression':
        return truth(this.evaluate(node.test!, scope))
          ? this.evaluate(node.lhs!, scope)
          : new Undefined('the inline if-expression evaluated to false and no else section was defined.');
      default:
        throw new TemplateError(`This is no expression: ${node.type}`);
    }
  }

  private member(node: Node, scope: Scope): Value {
    const object = plain(this.evaluate(node.object!, scope));
    const property = node.property!;
    if (!node.computed)
      return property.type === 'Identifier'
        ? attribute(object, property.value as string)
        : item(object, property.value as number);
    if (property.type !== 'SliceExpression') return item(object, this.evaluate(property, scope));
    if (object instanceof Undefined) object.fail();
    const bound = (part: Node | undefined): number | null => {
      const value = part === undefined ? null : this.evaluate(part, scope);
      if (value === null || typeof value === 'number') return value;
      throw new TemplateError('slice indices must be integers or None');
    };
    const [from, to, step] = [bound(property.start), bound(property.stop), bound(property.step) ?? 1];
    if (typeof object === 'string') return sliceOf(Array.from(object), from, to, step).join('');
    if (!Array.isArray(object)) return new Undefined(`'${typeName(object)}' object is not subscriptable`);
    const part = sliceOf(object, from, to, step);
    return object instanceof Tuple ? tupleOf(...part) : part;
  }

  private arguments(nodes: readonly Node[], scope: Scope): [Value[], Map<string, Value>] {
    const args: Value[] = [];
    const kwargs = new Map<string, Value>();
    for (const node of nodes) {
      if (node.type === 'SpreadExpression') args.push(...iterate(this.evaluate(node.argument!, scope)));
      else if (node.type === 'KeywordArgumentExpression')
        kwargs.set(node.key!.value as string, this.evaluate(node.value as Node, scope));
      else if (node.type === 'KeywordSpreadExpression') {
        const more = this.evaluate(node.argument!, scope);
        if (!(more instanceof Map)) throw new TemplateError('argument after ** must be a mapping');
        for (const [key, value] of more) kwargs.set(str(key), value);
      } else args.push(this.evaluate(node, scope));
    }
    return [args, kwargs];
  }

  private call(node: Node, scope: Scope, caller?: Callable): Value {
    const called = this.evaluate(node.callee!, scope);
    const [args, kwargs] = this.arguments(node.args!, scope);
    if (caller !== undefined) kwargs.set('caller', caller);
    if (called instanceof Undefined) called.fail();
    if (!(called instanceof Callable)) throw new TemplateError(`'${typeName(called)}' object is not callable`);
    return called.call(args, kwargs);
  }

  private filter(filter: Node, value: Value, scope: Scope): Value {
    const isCall = filter.type === 'CallExpression';
    const name = (isCall ? filter.callee!.value : filter.value) as string;
    const [args, kwargs]: [Value[], Kwargs] = isCall ? this.arguments(filter.args!, scope) : [[], new Map()];
    const test = TEST_FILTER.exec(name);
    if (test !== null) return runTest(test[2]!, value, args) !== (test[1] !== undefined);
    return runFilter(name, value, args, kwargs);
  }
}

function identifier(name: string, scope: Scope): Value {
  if (name === 'true' || name === 'True') return true;
  if (name === 'false' || name === 'False') return false;
  return name === 'none' || name === 'None' ? null : scope.get(name);
}

/** Whether a macro's body reads a name. */
function mentions(part: unknown, name: string): boolean {
  if (Array.isArray(part)) return part.some((one) => mentions(one, name));
  if (part instanceof Map) return [...part].some(([key, value]) => mentions(key, name) || mentions(value, name));
  if (typeof part !== 'object' || part === null) return false;
  const node = part as Node;
  return node.type === 'Identifier' && node.value === name ? true : mentions(Object.values(node), name);
}
