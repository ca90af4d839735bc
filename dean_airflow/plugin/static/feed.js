// Stand-in until the live feed's own module is there: asks again every few seconds.
export function follow(topics, { onFrame, onState }) {
  onState("polling", "");
  const timer = setInterval(() => topics.forEach((topic) => onFrame({ type: "poll", topic, data: {} })), 3000);
  return () => clearInterval(timer);
}
