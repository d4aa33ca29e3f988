/**
 * Makes the sample dataset: messages to a bakery, and the order in each as one JSON record. Every text is composed here, so
 * the files are the project's own (MIT). The same files come out every time:
 *
 *   node resources/samples/make-orders.mjs
 *
 * orders-train.jsonl is to be learned from. orders-held-out.jsonl is for measuring: it shares no message with it, and no
 * customer orders there what they order in the training part, so that nothing of an answer can be known by heart.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const TRAIN_ROWS = 1200;
export const HELD_OUT_ROWS = 100;
export const SYSTEM_TEXT = 'Write the order as JSON.';

const NAMES = [
  ...['Ada', 'Aisha', 'Amir', 'Ana', 'Anton', 'Bea', 'Ben', 'Carla', 'Carlos', 'Chen', 'Clara', 'Dana', 'David', 'Diego'],
  ...['Elena', 'Emil', 'Emma', 'Erik', 'Eva', 'Fatima', 'Felix', 'Grace', 'Greta', 'Hana', 'Hugo', 'Ines', 'Ivan', 'Jack'],
  ...['Jana', 'Jonas', 'Julia', 'Kai', 'Karim', 'Kate', 'Lars', 'Laura', 'Leo', 'Lina', 'Lucy', 'Luis', 'Maria', 'Marco'],
  ...['Mia', 'Milan', 'Nadia', 'Nina', 'Noah', 'Nora', 'Olga', 'Omar', 'Oscar', 'Paul', 'Pedro', 'Petra', 'Rita', 'Robert'],
  ...['Rosa', 'Sam', 'Sara', 'Simon', 'Sofia', 'Tara', 'Tim', 'Tom', 'Vera', 'Victor', 'Yara', 'Yusuf', 'Zoe', 'Martin'],
];

/** [name in the record, one of it, several of it] */
const ITEMS = [
  ['rye bread', 'loaf of rye bread', 'loaves of rye bread'],
  ['white bread', 'loaf of white bread', 'loaves of white bread'],
  ['oat bread', 'loaf of oat bread', 'loaves of oat bread'],
  ['corn bread', 'corn bread', 'corn breads'],
  ['apple pie', 'apple pie', 'apple pies'],
  ['plum pie', 'plum pie', 'plum pies'],
  ['cherry pie', 'cherry pie', 'cherry pies'],
  ['lemon tart', 'lemon tart', 'lemon tarts'],
  ['pear tart', 'pear tart', 'pear tarts'],
  ['almond tart', 'almond tart', 'almond tarts'],
  ['carrot cake', 'carrot cake', 'carrot cakes'],
  ['honey cake', 'honey cake', 'honey cakes'],
  ['cheese cake', 'cheese cake', 'cheese cakes'],
  ['nut cake', 'nut cake', 'nut cakes'],
  ['butter roll', 'butter roll', 'butter rolls'],
  ['milk roll', 'milk roll', 'milk rolls'],
  ['poppy roll', 'poppy roll', 'poppy rolls'],
  ['onion bagel', 'onion bagel', 'onion bagels'],
  ['plain bagel', 'plain bagel', 'plain bagels'],
  ['ginger cookie', 'ginger cookie', 'ginger cookies'],
  ['oat cookie', 'oat cookie', 'oat cookies'],
  ['berry muffin', 'berry muffin', 'berry muffins'],
  ['banana muffin', 'banana muffin', 'banana muffins'],
  ['cream bun', 'cream bun', 'cream buns'],
];

const NUMBER_WORDS = ['', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

const GREETINGS = ['', '', '', 'Hi! ', 'Hello, ', 'Good morning. ', 'Hey, ', 'Dear team, '];
const CLOSINGS = ['', '', '', ' Thanks!', ' Thank you.', ' Many thanks!', ' See you then.', ' Have a nice day.'];

/** The frame of a message; {what}, {name}, {day} and {time} are put in. */
const FRAMES = [
  'this is {name}. Could I get {what} for {day} at {time}?',
  '{name} here. I need {what} on {day} at {time}.',
  'I would like {what} on {day}, {time}. My name is {name}.',
  'please put {what} aside for {name}, {day} at {time}.',
  'can you have {what} ready by {time} on {day}? It is for {name}.',
  '{what} for {name}, please: {day}, {time}.',
  'we want to order {what} for {day} at {time}, under the name {name}.',
  'is it possible to get {what} at {time} this {day}? {name} is my name.',
  'my name is {name} and I want {what}, {day} {time}.',
  'for {day} at {time} I need {what}. Write it down for {name}.',
  'on {day} we have guests, so {what} by {time}, please. The name is {name}.',
  '{name} speaking. {day}, {time}: {what}.',
  'may I order {what}? {name}, on {day} around {time}.',
  'could you make {what} for {name}? It must be there on {day} at {time}.',
];

const DELIVERY = ['Please deliver.', 'Please bring it to my house.', 'Can you deliver it?', 'Send it to the office.', 'Delivery, please.'];
const PICKUP = ['I will pick it up.', 'I will come to the shop.', 'My son will collect it.', 'No delivery, I come by.', 'We fetch it ourselves.'];

/** A small random number generator with a fixed seed (xorshift32), so that the files never change. */
function makeRandom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  for (let i = 0; i < 16; i++) next();
  return {
    below: (limit) => next() % limit,
    pick: (list) => list[next() % list.length],
  };
}

/** A time of the day as people write it, and as the record has it: [message, record]. */
function makeTime(random) {
  const hour = 7 + random.below(12);
  const half = random.below(2) === 1;
  const minutes = half ? '30' : '00';
  const record = `${String(hour).padStart(2, '0')}:${minutes}`;
  if (random.below(3) === 0) return [record, record];
  const twelve = hour > 12 ? hour - 12 : hour;
  return [`${twelve}${half ? ':30' : ''} ${hour < 12 ? 'am' : 'pm'}`, record];
}

function makeQuantity(random, [, one, many]) {
  const quantity = 1 + random.below(10);
  if (quantity === 1) return [`${random.pick(['one', /^[aeiou]/.test(one) ? 'an' : 'a'])} ${one}`, 1];
  return [`${random.pick([NUMBER_WORDS[quantity], String(quantity)])} ${many}`, quantity];
}

function capitalise(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function makeOrder(random, name, item) {
  const [what, quantity] = makeQuantity(random, item);
  const [time, recordTime] = makeTime(random);
  const day = random.pick(DAYS);
  const delivery = random.below(2) === 1;
  const frame = random
    .pick(FRAMES)
    .replace('{what}', what)
    .replace('{name}', name)
    .replace('{day}', day)
    .replace('{time}', time);
  const greeting = random.pick(GREETINGS);
  const start = greeting.endsWith(', ') ? greeting + frame : greeting + capitalise(frame);
  const message = `${start} ${random.pick(delivery ? DELIVERY : PICKUP)}${random.pick(CLOSINGS)}`;
  return { message, record: { name, item: item[0], quantity, day: day.toLowerCase(), time: recordTime, delivery } };
}

function toLine({ message, record }) {
  return JSON.stringify({
    messages: [
      { role: 'system', content: SYSTEM_TEXT },
      { role: 'user', content: message },
      { role: 'assistant', content: JSON.stringify(record) },
    ],
  });
}

/** @returns {{ train: string, heldOut: string }} the contents of the two files */
export function makeOrders() {
  const random = makeRandom(20_261);
  const seen = new Set();
  const train = [];
  const heldOut = [];
  while (train.length < TRAIN_ROWS || heldOut.length < HELD_OUT_ROWS) {
    const person = random.below(NAMES.length);
    const thing = random.below(ITEMS.length);
    // Every twelfth pair of customer and item is for measuring only.
    const isHeldOut = (person * 5 + thing) % 12 === 0;
    const order = makeOrder(random, NAMES[person], ITEMS[thing]);
    const part = isHeldOut ? heldOut : train;
    if (part.length >= (isHeldOut ? HELD_OUT_ROWS : TRAIN_ROWS) || seen.has(order.message)) continue;
    seen.add(order.message);
    part.push(toLine(order));
  }
  return { train: `${train.join('\n')}\n`, heldOut: `${heldOut.join('\n')}\n` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { train, heldOut } = makeOrders();
  writeFileSync(new URL('./orders-train.jsonl', import.meta.url), train);
  writeFileSync(new URL('./orders-held-out.jsonl', import.meta.url), heldOut);
}
