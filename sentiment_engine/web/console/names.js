// What people call the identifiers of the events, in English and Chinese; a test holds them against the engine's.

/** @type {Record<string, Record<string, [string, string]>>} */
export const NAMES = {
  party: { agent: ["Agent", "坐席"], customer: ["Customer", "客户"], mixed: ["Both voices", "混合声道"] },
  stage: { general: ["General", "一般"], facts: ["Facts", "核实情况"], negotiation: ["Negotiation", "协商"], notice: ["Notice", "告知"] },
  severity: { notice: ["Notice", "提示"], warning: ["Warning", "警告"], critical: ["Critical", "严重"] },
  mode: { say: ["Say", "可以说"], do: ["Do", "行动提示"] },
  kind: {
    vulnerability: ["Vulnerability", "需要关怀"],
    words: ["Agent's words", "坐席措辞"],
    customer_words: ["Customer's words", "客户措辞"],
    outside_hours: ["Outside hours", "非允许时段"],
    contact_limit: ["Contact limit", "联系次数上限"],
    missing_notice: ["Missing notice", "缺少必要告知"],
  },
  cause: {
    customer_anger: ["Customer's anger", "客户生气"],
    agent_anger: ["Agent's anger", "坐席生气"],
    anger: ["Anger", "生气"],
    customer_distress: ["Customer's distress", "客户难过或害怕"],
    mutual_escalation: ["Both escalate", "双方相互升级"],
    overlap: ["Talking at once", "同时说话"],
    interruptions: ["Interruptions", "打断"],
    raised_voice: ["Raised voice", "提高音量"],
    silence: ["Long silence", "长时间沉默"],
    words: ["Words", "措辞"],
  },
  emotion: {
    neutral: ["Neutral", "平静"], happy: ["Happy", "高兴"], sad: ["Sad", "难过"], angry: ["Angry", "生气"], fearful: ["Fearful", "害怕"],
  },
  gap: { lost: ["Audio lost", "音频丢失"], paused: ["Paused", "暂停"], idle: ["No audio", "没有音频"], overload: ["Server overloaded", "服务器过载"] },
  quality: {
    noise: ["noise", "噪声"], clipping: ["clipping", "削波"], loss: ["losses", "丢包"], little_speech: ["little speech", "语音过少"],
    same_voice_on_both: ["same voice on both channels", "两个声道是同一声音"], "channels_swapped?": ["channels swapped?", "声道可能接反"],
  },
  end: {
    stop: ["Ended", "正常结束"], shutdown: ["Server shut down", "服务器关闭"], disconnected: ["Disconnected", "连接断开"],
    idle: ["No audio", "没有音频"], error: ["Error", "错误"],
  },
  answer: { helped: ["It helped", "有帮助"], did_not_help: ["It did not help", "没有帮助"], does_not_fit: ["It does not fit", "不合适"] },
  role: { ingest: ["Calls", "接入"], supervisor: ["Supervisor", "主管"], legal: ["Legal", "法务"], admin: ["Administrator", "管理员"] },
  review_role: { business: ["Business", "业务"], legal: ["Legal", "法务"] },
  review_why: { critical: ["Critical alert", "严重提醒"], sampled: ["Drawn at random", "随机抽取"], voluntary: ["Reviewed by the other side", "另一方已复核"] },
  review_state: { open: ["Open", "待复核"], overdue: ["Overdue", "已逾期"], done: ["Done", "已完成"] },
  decision: {
    confirmed: ["Confirmed", "确认"], false_alarm: ["False alarm", "误报"], needs_action: ["Needs action", "需要处理"], no_action: ["No action", "无需处理"],
  },
  reason: {
    tension: ["Tension", "紧张"], threat_or_abuse: ["Threat or abuse", "威胁或辱骂"], customer_distress: ["Customer's distress", "客户难过或害怕"],
    missing_notice: ["Missing notice", "缺少必要告知"], contact_rules: ["Contact rules", "联系规定"], misheard: ["Misheard", "识别有误"],
    poor_audio: ["Poor audio", "音质不佳"], routine: ["Routine", "常规"], other: ["Other", "其他"],
  },
  technique: {
    acknowledge: ["Acknowledge", "认可感受"], apologise: ["Apologise", "致歉"], coach: ["Coach", "辅导"], correct: ["Correct", "更正"],
    hand_over: ["Hand over", "转交"], inform: ["Inform", "说明"], label_emotion: ["Name the feeling", "说出情绪"], listen: ["Listen", "倾听"],
    listen_in: ["Listen in", "旁听"], lower_voice: ["Lower the voice", "放低声音"], offer_choice: ["Offer a choice", "提供选择"],
    open_question: ["Open question", "开放式提问"], pause: ["Pause", "停顿"], reframe: ["Reframe", "换个角度"],
    reschedule: ["Another time", "另约时间"], review: ["Review", "复核"], self_regulate: ["Steady yourself", "自我调节"],
    set_boundary: ["Set a boundary", "设定边界"], signpost: ["Signpost", "指引帮助"], slow_down: ["Slow down", "放慢语速"],
    summarise: ["Summarise", "小结"], support_agent: ["Support the agent", "支持坐席"], verify: ["Verify", "核实"],
    vulnerability_support: ["Support", "关怀支持"],
  },
};
