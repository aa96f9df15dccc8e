import { rehearseExchange } from "./rehearsal.ts";

Deno.test("every message of the rehearsal is one that the other side takes", () => {
  rehearseExchange();
});
