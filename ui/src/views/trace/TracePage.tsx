export default function TracePage() {
  return <main />;
}
